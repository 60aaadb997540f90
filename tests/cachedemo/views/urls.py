"""Notes and samples as views serve them, each with the pattern picked in another way."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.generic import View

from cachedemo.views import CachedCreateMixin, CachedRowMixin
from tests.notes.models import Note, Sample


class NoteView(CachedRowMixin, View):
    model = Note


class SampleView(CachedRowMixin, View):
    model = Sample


class NewNote(CachedCreateMixin, View):
    model = Note

    def get_location(self, pk: Any) -> str:
        return reverse("note", kwargs={"pk": pk})


class Broken(NoteView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise RuntimeError("the secret reason")


urlpatterns = [
    path("notes", NewNote.as_view()),
    path("notes/<pk>", NoteView.as_view(), name="note"),
    path("through/<pk>", NoteView.as_view(pattern="write-through")),
    path("broken/<pk>", Broken.as_view()),
    path("<pattern>/notes/<pk>", NoteView.as_view()),
    path("<pattern>/samples/<pk>", SampleView.as_view()),
]
