"""Many values looked up at once, in a fixed number of round trips; foreign leases are not waited for."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import hints, near_reads, reads, rows_by_value, slot_format, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.hint_slots import hint_and_lifetime
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.lookup_reads import Row, Search, copied, pk_in, shown
from cachedemo.protocol.near import Near
from cachedemo.protocol.near_copies import Copy

Asked = Mapping[str, Any]  # text of a value -> the value, as `Lookup.asked` returns it
Named = Mapping[str, Any]  # the same text -> the key of the row that is said to have it


def find_named(table: CachedTable, name: str, values: Iterable[Any], fresh: bool = False) -> Iterator[tuple[Any, Row]]:
    """Yield (value, row) for each of these values of a field that a row has; the value as the database has it.

    Args:
        fresh: take no copies.

    Raises:
        FieldError: rows are not looked up by this field.
        ValidationError: one is no value of it. And as `find_many`.
    """
    lookup = table.lookup(name)
    for some in in_chunks(lookup.held(values)):
        for asked, row in find_many(table, lookup, some, None if fresh else table.near):
            yield lookup.parsed(asked), row


def find_many(table: CachedTable, lookup: Lookup, asked: Iterable[Any], near: Near | None) -> list[tuple[Any, Row]]:
    """Return a row for each of these values that one has: (value, row); raise as `lookup_reads.find`."""
    by_text = {hints.text_of(value): value for value in asked}
    found: dict[str, Row] = {}
    if reads.is_announced(table):
        with contextlib.suppress(CacheUnavailable):
            found = _hinted(table, lookup, by_text, near)
    rest = {text: value for text, value in by_text.items() if text not in found}
    if rest:
        found |= _from_database(table, lookup, rest, near)
    return [(by_text[text], row) for text, row in found.items()]


def _hinted(table: CachedTable, lookup: Lookup, asked: Asked, near: Near | None) -> dict[str, Row]:
    """Return the rows that the hints name and that have the values; empty the hints that are wrong."""
    places = table.hints[lookup.attname]
    standing = dict(zip(asked, places.get_many(list(asked)), strict=True))
    named = {text: pk for text, hint in standing.items() if (pk := pk_in(table, hint)) is not None}
    found = _agreeing(table, lookup, asked, named, near)
    for text in named.keys() - found.keys():
        places.put(standing[text] or b"", {text: None})
    return found


def _from_database(table: CachedTable, lookup: Lookup, asked: Asked, near: Near | None) -> dict[str, Row]:
    """Return the rows that the database names; remember them in those hints whose lease is ours."""
    named = _remembered(table, lookup, asked)
    found = _agreeing(table, lookup, asked, named, near)
    for text in named.keys() - found.keys():  # a row changes hands, or its slot is behind the database
        with contextlib.suppress(table.model.DoesNotExist):  # type: ignore[attr-defined]
            found[text] = Search(table, lookup, asked[text]).by_database()
    return found


def _remembered(table: CachedTable, lookup: Lookup, asked: Asked) -> dict[str, Any]:
    places, lease, leased = table.hints[lookup.attname], slot_format.new_lease(), list[str]()
    if table.announced and not transactions.sees_a_snapshot(table.using):
        with contextlib.suppress(CacheUnavailable):
            standing = places.take_leases(list(asked), lease)
            leased = [text for text, found in zip(asked, standing, strict=True) if found is None]
    named: dict[str, Any] = {}
    may_fill = False
    try:
        may_fill = bool(leased) and rows_by_value.may_be_remembered(table, lookup)
        named = rows_by_value.named(table, lookup, asked)
    finally:
        keys = named if may_fill else {}
        filled = {text: hint_and_lifetime(keys[text], places.timeout) if text in keys else None for text in leased}
        with contextlib.suppress(CacheUnavailable):
            if filled:
                places.put(lease, filled)
    return named


def _agreeing(table: CachedTable, lookup: Lookup, asked: Asked, named: Named, near: Near | None) -> dict[str, Row]:
    """Return those of these rows that have the value, as every read shows them."""
    found = by_copies(table, lookup, asked, named, near.copies(table, named.values()) if near else {})
    rest = {text: pk for text, pk in named.items() if text not in found}
    entries = near_reads.find_uncopied(table, near, list(dict.fromkeys(rest.values())))
    return found | by_entries(table, lookup, asked, rest, entries)


def by_copies(
    table: CachedTable, lookup: Lookup, asked: Asked, named: Named, copies: Mapping[Any, Copy]
) -> dict[str, Row]:
    """Return those of these rows whose copies have the value; of the others, nothing is known by that."""
    found = {text: copied(table, lookup, copies[pk], asked[text]) for text, pk in named.items() if pk in copies}
    return {text: row for text, row in found.items() if row is not None}


def by_entries(
    table: CachedTable, lookup: Lookup, asked: Asked, named: Named, entries: Mapping[Any, Entry]
) -> dict[str, Row]:
    """Return those of these rows that have the value as they were read."""
    found = {text: shown(table, lookup, entries[pk], asked[text]) for text, pk in named.items() if pk in entries}
    return {text: row for text, row in found.items() if row is not None}
