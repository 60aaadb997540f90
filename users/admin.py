"""The demo users in Django's admin."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cachedemo import cache_for
from cachedemo.exceptions import StaleInstance
from users import outages
from users.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Saves and deletes go through the cache's signals; the form loads the newest value, as every read does."""

    list_display = ("id", "name", "email")
    list_display_links = ("id", "name")
    search_fields = ("name", "email")
    ordering = ("pk",)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        """Load with what still waits for the database: an instance that has not seen it could not be saved."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            return None
        try:
            return cache_for(User).get(found.pk)
        except User.DoesNotExist:
            return None

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._in_words(super().changelist_view, request, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._in_words(super().changeform_view, request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._in_words(super().delete_view, request, *args, **kwargs)

    def _in_words(
        self, view: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Have a refused change end with a message and not with a 500; its transaction is rolled back by then."""
        try:
            return view(request, *args, **kwargs)
        except (StaleInstance, *outages.OUTAGES) as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        if isinstance(error, StaleInstance):
            sentence = "Somebody else changed this user at the same moment. Nothing was saved: look, and save again."
        else:
            sentence = str(outages.explain(error))
        messages.error(request, sentence)
        return redirect(request.path if request.method == "POST" else "admin:index")
