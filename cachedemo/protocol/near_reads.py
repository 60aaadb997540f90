"""Reads of a registration with `near`: a copy in this process, or what `reads.py` finds, of which a copy is made."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from cachedemo.protocol import reads
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near import Near
from cachedemo.protocol.near_copies import Copy
from cachedemo.protocol.templates import Template


def find(table: CachedTable, near: Near, pk: Any) -> Entry:
    """Return a row that has no copy as `reads.find` does, and copy it."""
    note = near.note(table.places, pk)
    return reads.find(table, pk, lambda slot, entry: near.keep(note, slot, entry))


def find_many(table: CachedTable, near: Near, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return an entry for each row asked for: those that have no copy are asked for together."""
    found = {pk: each.entry for pk in pks if (each := near.copy(table, pk)) is not None}
    return found | _find_missed(table, near, [pk for pk in pks if pk not in found])


def _find_missed(table: CachedTable, near: Near, pks: list[Any]) -> dict[Any, Entry]:
    if not pks:
        return {}
    places = table.places
    notes = {pk: near.note(places, pk) for pk in pks}
    return reads.find_many(table, pks, lambda pk, slot, entry: near.keep(notes[pk], slot, entry))


def instance(table: CachedTable, near: Near, pk: Any) -> Any:
    """Return the instance of a row by its copy, else as `reads.find_values` does. Raises as that."""
    if (found := near.copy(table, pk)) is not None:
        with suppress(ValueError):  # JSON that is not ours; a read of the slot throws it out
            return _made(table, found)
    else:
        entry = find(table, near, pk)
        if entry.body is None:
            raise table.missing(pk)
        with suppress(ValueError):
            return table.instance(entry)
    entry, values = reads.find_values(table, pk)
    return table.codec.instance(values, entry.stamp, table.using)


def _made(table: CachedTable, found: Copy) -> Any:
    if (template := found.template) is None:
        template = found.template = Template(table.codec, found.entry.body, found.entry.stamp)  # type: ignore[arg-type]
    return template.instance(table.using)


def instances(table: CachedTable, near: Near, pks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield (pk, instance) of each row that exists, of any number."""
    for some in in_chunks(table.find_pks(pks)):
        wanted = list(dict.fromkeys(some))
        copies = {pk: found for pk in wanted if (found := near.copy(table, pk)) is not None}
        entries = _find_missed(table, near, [pk for pk in wanted if pk not in copies])
        for pk in wanted:
            try:
                if pk in copies:
                    yield pk, _made(table, copies[pk])
                elif (entry := entries[pk]).body is not None:
                    yield pk, table.instance(entry)
            except ValueError:
                yield pk, instance(table, near, pk)
