"""Inlines for registered models, under a parent that may be registered or not."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.http import HttpRequest

from cachedemo.admin import refusals
from cachedemo.admin.newest import newest_rows
from cachedemo.admin.shown import shown_form


class CachedInlineMixin(InlineModelAdmin):
    """Rows show waiting values, and a save writes what was changed. Put it before the inline's own base class.

    The parent's admin should be a `CachedModelAdmin`, which answers a refused change with a message.
    """

    def explain(self, error: Exception) -> str:
        """Return what a refusal means, for the person at the form."""
        return refusals.explain(error)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = newest_rows(super().get_formset(request, obj, **kwargs))
        formset.form = shown_form(formset.form, self.explain)
        return formset


class CachedTabularInline(CachedInlineMixin, admin.TabularInline):
    """A `TabularInline` for a registered model."""


class CachedStackedInline(CachedInlineMixin, admin.StackedInline):
    """A `StackedInline` for a registered model."""
