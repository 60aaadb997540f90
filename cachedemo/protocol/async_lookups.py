"""Lookups in an event loop: a hint, and the row that it names; everything else goes to Django's thread."""

from collections.abc import Iterable, Mapping
from typing import Any

from cachedemo.protocol import async_reads, hints, lookup_reads
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.lookup_reads import Row, copied, pk_in, shown
from cachedemo.protocol.many_lookups import by_copies, by_entries
from cachedemo.protocol.near import Near
from cachedemo.protocol.primary_keys import NotHeld


async def find(table: CachedTable, named: Mapping[str, Any], fresh: bool) -> Row:
    """Return the row that has the value of a field.

    Args:
        fresh: take no copy.

    Raises:
        DoesNotExist, FieldError, ValidationError, and the others: as `lookup_reads.find_named`.
    """
    asked = _asked(table, named)
    if asked is None:
        return await async_reads.in_djangos_thread(lookup_reads.find_named, table, named)
    near = None if fresh else table.near
    row = await _hit(table, *asked, near)
    return await _load(table, *asked, near) if row is None else row


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


async def _hit(table: CachedTable, lookup: Lookup, asked: Any, near: Near | None) -> Row | None:
    """Return the row that the hint names, if its copy or its slot has the value.

    All hints of one turn of the loop are one trip, and all slots another.
    """
    loop = async_reads.of_loop(table)
    if loop is None:
        return None
    found = await loop.get(_key(table, lookup, asked))
    pk = pk_in(table, found.slot if found else None)
    if pk is None:
        return None
    copy = async_reads.copies(table, [pk], near).get(pk)
    row = copied(table, lookup, copy, asked)
    return row or shown(table, lookup, await async_reads.in_slot(table, pk, near), asked)


async def _load(table: CachedTable, lookup: Lookup, asked: Any, near: Near | None) -> Row:
    """Look it up in Django's thread; of the readers of one loop, one at a time goes there, as `async_reads` does it."""
    for _ in range(async_reads.WAITS):
        loop = async_reads.of_loop(table)
        if loop is None or async_reads.holds_djangos_thread():
            break
        key = _key(table, lookup, asked)
        if (ended := loop.loading.get(key)) is None:
            with loop.loads(key):
                return await async_reads.in_djangos_thread(lookup_reads.find, table, lookup, asked, near)
        await ended.wait()
        if (row := await _hit(table, lookup, asked, near)) is not None:
            return row
    return await async_reads.in_djangos_thread(lookup_reads.find, table, lookup, asked, near)


def _key(table: CachedTable, lookup: Lookup, asked: Any) -> str:
    return table.places.hints[lookup.attname].key(hints.text_of(asked))


async def hits(table: CachedTable, lookup: Lookup, values: Iterable[Any], near: Near | None) -> list[tuple[Any, Row]]:
    """Return (asked, row) of those of at most a thousand values whose hints and rows have them, in two trips."""
    asked = {hints.text_of(value): value for value in lookup.held(values)}
    loop = async_reads.of_loop(table)
    if not asked or loop is None:
        return []
    places = table.places.hints[lookup.attname]
    standing = zip(asked, await loop.get_many([places.key(text) for text in asked]), strict=True)
    named = {text: pk for text, hint in standing if hint and (pk := pk_in(table, hint.slot)) is not None}
    found = by_copies(table, lookup, asked, named, async_reads.copies(table, list(named.values()), near))
    rest = {text: pk for text, pk in named.items() if text not in found}
    entries = await async_reads.in_slots(table, list(dict.fromkeys(rest.values())), near)
    found |= by_entries(table, lookup, asked, rest, entries)
    return [(asked[text], row) for text, row in found.items()]
