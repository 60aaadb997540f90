"""Lookups in an event loop: a hint, and the slot of the row that it names; everything else goes to Django's thread.

A copy in this process (`near`) decides nothing: it may be of before the value changed hands.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import async_reads, hints
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.lookup_reads import Row, has_it, pk_in
from cachedemo.protocol.primary_keys import NotHeld


async def hit(table: CachedTable, named: Mapping[str, Any]) -> Row | None:
    """Return the row that has the value of a field, if the hint and the slot say so; None where a thread must be asked.

    Raises:
        FieldError, ValidationError: as `lookup_reads.find_named`.
    """
    if len(named) != 1:
        return None
    [(name, value)] = named.items()
    lookup = table.lookup(name)
    try:
        asked = lookup.asked(value)
    except NotHeld:
        return None
    pk = await _named(table, lookup, asked)
    return None if pk is None else _row(table, lookup, asked, await async_reads.hit(table, pk, fresh=True))


async def _named(table: CachedTable, lookup: Lookup, asked: Any) -> Any:
    """Return the key that the hint of a value names, asked for together with all others of this turn."""
    reads = async_reads.reads_of_loop(table)
    if reads is None:
        return None
    try:
        return pk_in(table, await reads.get(table.places.hints[lookup.attname].key(hints.text_of(asked))))
    except CacheUnavailable:
        return None


async def hits(table: CachedTable, lookup: Lookup, values: Iterable[Any]) -> list[tuple[Any, Row]]:
    """Return (asked, row) of at most a thousand of these values, in two round trips."""
    asked = list(lookup.held(values))
    reads = async_reads.reads_of_loop(table)
    if not asked or reads is None:
        return []
    places = table.places.hints[lookup.attname]
    try:
        found = await reads.get_many([places.key(hints.text_of(value)) for value in asked])
    except CacheUnavailable:
        return []
    named = [(value, pk_in(table, hint)) for value, hint in zip(asked, found, strict=True)]
    pks = list(dict.fromkeys(pk for _, pk in named if pk is not None))
    entries = await async_reads.hits(table, pks, fresh=True)
    rows = [(value, _row(table, lookup, value, entries.get(pk))) for value, pk in named if pk is not None]
    return [(value, row) for value, row in rows if row is not None]


def _row(table: CachedTable, lookup: Lookup, asked: Any, entry: Entry | None) -> Row | None:
    """Return a row that was read if it has the value; a thread throws out what is not ours."""
    if entry is None or entry.body is None:
        return None
    with contextlib.suppress(ValueError):
        values = table.codec.decode(entry.body)
        if has_it(lookup, values, asked):
            return entry, values
    return None
