"""A ModelAdmin for registered models: what it shows and saves is what every read returns, waiting writes included."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cachedemo.exceptions import CachedemoError
from cachedemo.patterns.save_state import reloaded
from cachedemo.protocol.codec import STAMP
from cachedemo.registry import cache_for

REFUSALS = (CachedemoError, OperationalError, InterfaceError)


class CachedModelAdmin(admin.ModelAdmin):
    """Loads each form through the cache, and ends a refused change with a message instead of an error page.

    Without it the form of a row that waits for its flush shows what the database has. The instance is the one that
    `get_queryset` loads, annotations included, and has `etag`, the entity tag of exactly what was read.
    """

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Load as every read does; None if there is no such row."""
        found = super().get_object(request, object_id, from_field)
        cache = cache_for(self.model)
        try:
            entry = cache.read(found.pk) if found is not None else None
        except self.model.DoesNotExist:
            return None
        if found is None or entry is None:
            return None
        _show(found, cache.table.instance(entry), cache.table.codec.fields)
        found.etag = cache.etag(entry)
        return found

    def explain(self, error: Exception) -> str:
        """Return what a refusal means, for the person at the form."""
        return str(error)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.in_words(super().changelist_view, request, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.in_words(super().changeform_view, request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.in_words(super().delete_view, request, *args, **kwargs)

    def in_words(
        self, view: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Let a refused change end with a message and not with a 500; nothing is half done then."""
        try:
            return view(request, *args, **kwargs)
        except REFUSALS as error:
            messages.error(request, self.explain(error))
            return redirect(request.path if request.method == "POST" else "admin:index")


def _show(found: Any, read: Any, fields: Iterable[str]) -> None:
    """Give an instance from the table what a read shows of its cached fields, and count that as loaded."""
    names = [*fields, STAMP]
    for name in names:
        setattr(found, name, getattr(read, name))
    reloaded(found, names)
