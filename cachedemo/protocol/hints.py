"""Hints: of a value of a unique field that was looked up, the cache holds which row had it (see `hint_slots.py`).

A hint is never an answer: the row that it names says itself whether it has the value. So giving a value up, an eviction
or a hint that is long wrong cost a question, and nothing else. Who gives a row a value empties the value's hint, in all
live versions, after the commit and before the write is acknowledged: the row that had it before may still show it, if
its own writer has died. See docs/protocol.md, and tests/lookup_model.py for what else would be wrong.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import database
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.waiting import Names

_LONGEST = 200  # bytes of a value that stand in its key; of a longer one, its digest


def text_of(value: Any) -> str:
    """Return the text of a JSON value in a hint's key. Two values may share one: a hint only says where to look."""
    text = value if isinstance(value, str) else json.dumps(value)
    raw = text.encode(errors="surrogatepass")
    return text if len(raw) <= _LONGEST else hashlib.sha256(raw).hexdigest()


def written(table: CachedTable, names: Names, carried: Collection[str] = ()) -> list[Lookup]:
    """Return the lookups whose values a write of these fields may set; None is a write of all of the row."""
    if names is None or table.options.triggers:
        return list(table.lookups.values())
    return [lookup for lookup in table.lookups.values() if not lookup.set_by.isdisjoint({*names, *carried})]


def empty(table: CachedTable, lookups: Iterable[Lookup], rows: Collection[Values], versions: Iterable[str]) -> None:
    """Empty the hints of the values that these rows have. Raises CacheUnavailable."""
    for lookup in lookups:
        values = [row[lookup.attname] for row in rows]
        texts = [text_of(value) for value in values if value is not None]
        try:
            table.hints[lookup.attname].drop(texts, versions)
        except CacheUnavailable as error:
            error.rows = None  # it names values
            raise


def empty_with_slots(
    table: CachedTable, lookups: Sequence[Lookup], pks: Collection[Any], versions: Collection[str]
) -> None:
    """Empty the slots of rows, and the hints of the values that they have by now. Raises as `empty_of`."""
    try:
        table.slots.drop(pks, versions)
        empty_of(table, lookups, filter(table.codec.is_pk, pks), versions)
    except CacheUnavailable as error:
        if lookups:
            error.rows = None  # of a row whose slot was reached, a hint may not have been
        raise


def empty_of(table: CachedTable, lookups: Sequence[Lookup], pks: Iterable[Any], versions: Iterable[str]) -> None:
    """Empty the hints of the values that these rows have by now in the database.

    One that a row had, and has given up since, is its taker's business.

    Raises:
        CacheUnavailable: they are as they were.
        SourceUnavailable: the database does not say which values these are.
    """
    if lookups and table.asks_servers:
        empty(table, lookups, database.values_of(table, pks, [lookup.attname for lookup in lookups]), versions)
