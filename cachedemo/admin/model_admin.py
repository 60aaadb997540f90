"""A ModelAdmin for registered models: what it shows and saves is what every read returns, waiting writes included."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cachedemo.admin import refusals
from cachedemo.admin.inlines import CachedInlineMixin, CachedStackedInline, CachedTabularInline
from cachedemo.admin.newest import CachedChangeList, newest_rows, show
from cachedemo.admin.refusals import REFUSALS
from cachedemo.admin.shown import shown_form
from cachedemo.protocol import loading
from cachedemo.registry import find_cache

__all__ = ["CachedChangeList", "CachedInlineMixin", "CachedModelAdmin", "CachedStackedInline", "CachedTabularInline"]


class CachedModelAdmin(admin.ModelAdmin):
    """Loads forms and lists through the cache, and ends a refused change with a message instead of an error page.

    Without it the form of a row that waits for its flush shows what the database has. The instance is the one that
    `get_queryset` loads, annotations included, and has `etag`, the entity tag of exactly what was read.

    A save writes the fields that the person at the form has changed, and puts back nothing that somebody else has
    changed since the page was shown. A model that is not registered may have one too, for the sake of its inlines.
    """

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Load as every read does; None if there is no such row."""
        found = super().get_object(request, object_id, from_field)
        if found is None or (cache := find_cache(self.model, found._state.db)) is None:
            return found
        try:
            entry = cache.read(found.pk, fresh=True)
        except cache.model.DoesNotExist:
            if (hidden := loading.load_hidden(cache.table, [found.pk]).get(found.pk)) is None:
                return None
            entry = hidden
        show(found, cache.table.instance(entry), cache.table.codec.fields)
        found.etag = cache.etag(entry)
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return shown_form(super().get_form(request, obj, change, **kwargs), self.explain)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return CachedChangeList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return shown_form(super().get_changelist_form(request, **kwargs), self.explain)

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        return newest_rows(super().get_changelist_formset(request, **kwargs))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _tell_what_was_replaced(request, [form])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        _tell_what_was_replaced(request, formset.forms)

    def explain(self, error: Exception) -> str:
        """Return what a refusal means, for the person at the form."""
        return refusals.explain(error)

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


def _tell_what_was_replaced(request: HttpRequest, forms: Any) -> None:
    for form in forms:
        if labels := getattr(form, "replaced", ()):
            messages.warning(request, refusals.replaced(labels, form.instance._meta.verbose_name))
