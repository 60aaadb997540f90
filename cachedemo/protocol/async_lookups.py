"""Lookups in an event loop: a hint, and the slot of the row that it names; everything else goes to Django's thread.

A copy in this process (`near`) decides nothing: it may be of before the value changed hands.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from cachedemo.protocol import async_reads, hints, lookup_reads
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.lookup_reads import Row, has_it, pk_in
from cachedemo.protocol.primary_keys import NotHeld


async def find(table: CachedTable, named: Mapping[str, Any]) -> Row:
    """Return the row that has the value of a field.

    Raises:
        DoesNotExist, FieldError, ValidationError, and the others: as `lookup_reads.find_named`.
    """
    asked = _asked(table, named)
    if asked is None:
        return await async_reads.in_djangos_thread(lookup_reads.find_named, table, named)
    row = await _hit(table, *asked)
    return await _load(table, *asked) if row is None else row


def _asked(table: CachedTable, named: Mapping[str, Any]) -> tuple[Lookup, Any] | None:
    """Return the one field and what is asked of it; None where only an error can come of it."""
    if len(named) != 1:
        return None
    [(name, value)] = named.items()
    lookup = table.lookup(name)
    try:
        return lookup, lookup.asked(value)
    except NotHeld:
        return None


async def _hit(table: CachedTable, lookup: Lookup, asked: Any) -> Row | None:
    """Return the row that the hint names, if its slot has the value; all of one turn of the loop are two trips."""
    loop = async_reads.of_loop(table)
    if loop is None:
        return None
    found = await loop.get(_key(table, lookup, asked))
    pk = pk_in(table, found.slot if found else None)
    return None if pk is None else _row(table, lookup, asked, await async_reads.hit(table, pk, None))


async def _load(table: CachedTable, lookup: Lookup, asked: Any) -> Row:
    """Look it up in Django's thread; of the readers of one loop, one at a time goes there, as `async_reads` does it."""
    for _ in range(async_reads.WAITS):
        loop = async_reads.of_loop(table)
        if loop is None or async_reads.holds_djangos_thread():
            break
        key = _key(table, lookup, asked)
        if (ended := loop.loading.get(key)) is None:
            with loop.loads(key):
                return await async_reads.in_djangos_thread(lookup_reads.find, table, lookup, asked)
        await ended.wait()
        if (row := await _hit(table, lookup, asked)) is not None:
            return row
    return await async_reads.in_djangos_thread(lookup_reads.find, table, lookup, asked)


def _key(table: CachedTable, lookup: Lookup, asked: Any) -> str:
    return table.places.hints[lookup.attname].key(hints.text_of(asked))


async def hits(table: CachedTable, lookup: Lookup, values: Iterable[Any]) -> list[tuple[Any, Row]]:
    """Return (asked, row) of those of at most a thousand values whose hints and slots have them, in two trips."""
    asked = list(lookup.held(values))
    loop = async_reads.of_loop(table)
    if not asked or loop is None:
        return []
    found = await loop.get_many([_key(table, lookup, value) for value in asked])
    named = [(value, pk_in(table, each.slot if each else None)) for value, each in zip(asked, found, strict=True)]
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
