"""The ModelAdmin that a project uses for its own registered models."""

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models.functions import Length
from django.test import RequestFactory

from cachedemo import cache_for
from cachedemo.admin.model_admin import CachedModelAdmin
from tests.notes.models import Note


class NoteAdmin(CachedModelAdmin):
    fields = ("title", "size")

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(letters=Length("title"))


@pytest.fixture
def notes(transactional_db):
    Note.objects.create(pk=1, title="old", body="b0")
    return cache_for(Note)


@pytest.fixture
def asked(admin_user, client):
    """`asked("POST", title="new")` asks for the form of row 1, or sends it."""

    def ask(method, **data):
        request = getattr(RequestFactory(), method.lower())("/notes/1/change/", data)
        request.user = admin_user
        request.session = client.session
        request._dont_enforce_csrf_checks = True
        request._messages = admin_messages(request)
        page = NoteAdmin(Note, admin.site)
        answer = page.changeform_view(request, "1") if method == "GET" else save(page, request)
        return answer, [str(message) for message in get_messages(request)]

    return ask


def save(page, request):
    page.response_change = lambda request, obj: None
    return page.changeform_view(request, "1")


def admin_messages(request):
    from django.contrib.messages.storage.fallback import FallbackStorage

    return FallbackStorage(request)


def test_the_form_shows_what_waits_and_saves_over_it(notes, asked):
    notes.via("write-behind").update(1, title="waits")
    page, _ = asked("GET")
    assert page.context_data["adminform"].form.initial["title"] == "waits"
    asked("POST", title="waits", size="7")
    row = Note.objects.get(pk=1)
    assert (row.title, row.size) == ("waits", 7)
    assert notes.table.queue.depth() == 0


def test_a_form_that_cannot_be_loaded_leads_away_in_words(notes, asked, broken_queue):
    with broken_queue():
        page, said = asked("GET")
        assert page.status_code == 302
        assert "queue server" in said[0]


def test_a_save_that_is_refused_is_said_and_changes_nothing(notes, asked, broken_queue, monkeypatch):
    notes.get(1)
    with broken_queue():
        page, said = asked("POST", title="new", size="7")
        assert page.status_code == 302
        assert "queue server" in said[0]
        assert Note.objects.get(pk=1).title == "old"


def test_the_instance_of_a_form_keeps_the_annotations_of_the_queryset(notes, admin_user):
    notes.via("write-behind").update(1, title="waits")
    request = RequestFactory().get("/")
    request.user = admin_user
    found = NoteAdmin(Note, admin.site).get_object(request, "1")
    assert (found.title, found.letters) == ("waits", len("old"))


@pytest.mark.parametrize("mode", ["merge", "refuse"])
def test_a_form_overwrites_nothing_that_it_did_not_show(notes, asked, mode, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", mode)
    asked("GET")
    notes.via("write-behind").update(1, body="acknowledged")
    asked("POST", title="new", size="7")
    assert (notes.get(1).title, notes.get(1).body) == ("new", "acknowledged")
    notes.drain(timeout=5)
    assert Note.objects.values_list("title", "body", "size").get(pk=1) == ("new", "acknowledged", 7)
