"""Rows from the table as every read returns them: one batched read of the cache for all rows of a page."""

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.forms import BaseModelFormSet
from django.http import HttpRequest

from cachedemo.exceptions import QueueUnavailable
from cachedemo.patterns.save_state import reloaded
from cachedemo.protocol import aliases, descriptors, loading
from cachedemo.protocol.codec import STAMP
from cachedemo.registry import find_cache

NOT_NEWEST = (
    "The queue server, where changes wait for the database, does not answer. This list may lack the latest changes, "
    "and nothing can be saved until it is back."
)
_ASKED = "_cachedemo_newest"  # on a queryset for whose rows the cache has been asked


def show_newest(rows: Any, skip: Collection[str] = ()) -> None:
    """Give the rows of a queryset what a read shows of their cached fields; asks the cache once, however that ends.

    Args:
        skip: columns to leave as they are.
    """
    cache = find_cache(rows.model, rows._db or aliases.chosen(rows.model))
    if cache is None or _ASKED in rows.__dict__:
        return
    rows.__dict__[_ASKED] = True
    newest = cache.get_many([row.pk for row in rows], fresh=True)
    hidden = loading.load_hidden(cache.table, [row.pk for row in rows if row.pk not in newest])
    newest |= {pk: cache.table.instance(entry) for pk, entry in hidden.items()}
    names = [name for name in cache.table.codec.fields if name not in skip]
    for row in rows:
        if row.pk in newest:
            show(row, newest[row.pk], names)


def show(found: Any, read: Any, fields: Collection[str]) -> None:
    """Give an instance from the table what a read shows of its cached fields, and count that as loaded."""
    found._state.db = read._state.db  # a router may have had the rest from a replica, where no write goes
    names = [*fields, STAMP]
    for name in names:
        descriptors.show(found, name, getattr(read, name))
    reloaded(found, names)


class CachedChangeList(ChangeList):
    """A list that shows waiting values. What it finds, and in which order, is decided by what the database has."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        try:
            show_newest(self.result_list)
        except QueueUnavailable:
            messages.warning(request, NOT_NEWEST)


class NewestRows(BaseModelFormSet):
    """A formset whose rows show waiting values, when it is shown and when it is sent."""

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        parent = getattr(self, "fk", None)  # an inline's: which rows there are is decided by it
        show_newest(rows, skip={parent.attname} if parent else ())
        return rows


def newest_rows(formset: Any) -> Any:
    """Return a project's formset as one that shows waiting values."""
    return type(formset.__name__, (NewestRows, formset), {"__module__": __name__})
