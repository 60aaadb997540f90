"""Reads of a registration with `near`: a copy in this process, or what `reads.py` finds, of which a copy is made."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cachedemo.protocol import reads
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near import Keeper, Near
from cachedemo.protocol.near_copies import Copy
from cachedemo.protocol.templates import template


def find(table: CachedTable, near: Near | None, pk: Any) -> Entry:
    """Return a row that has no copy as `reads.find` does, and copy it."""
    return reads.find(table, pk, _keeper(table, near, pk))


def find_values(table: CachedTable, near: Near | None, pk: Any) -> tuple[Entry, Values]:
    """Return a row that has no copy as `reads.find_values` does, and copy it. Raises as that."""
    return reads.find_values(table, pk, _keeper(table, near, pk))


def _keeper(table: CachedTable, near: Near | None, pk: Any) -> Keeper | None:
    return None if near is None else near.keeper(table.places, pk)


def find_many(table: CachedTable, near: Near | None, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return an entry for each row asked for: those that have no copy are asked for together."""
    if near is None:
        return reads.find_many(table, pks)
    copies = near.copies(table, pks)
    near.hits += len(copies)
    found = {pk: copy.entry for pk, copy in copies.items()}
    return found | find_uncopied(table, near, [pk for pk in pks if pk not in found])


def find_uncopied(table: CachedTable, near: Near | None, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return an entry for each of these rows that have no copy, and copy them."""
    if near is None or not pks:
        return reads.find_many(table, pks) if pks else {}
    places = table.places
    keepers = {pk: keeper for pk in pks if (keeper := near.keeper(places, pk))}

    def seen(pk: Any, slot: bytes, entry: Entry) -> None:
        if pk in keepers:
            keepers[pk](slot, entry)

    return reads.find_many(table, pks, seen)


def instance(table: CachedTable, near: Near, pk: Any) -> Any:
    """Return the instance of a row by its copy, else as `reads.find_values` does. Raises as that."""
    if (copy := near.copy(table, pk)) is not None:
        try:
            made = copy.make() if copy.make is not None else _made(table, copy)
        except ValueError:  # JSON that is not ours; a read of the slot throws it out
            pass
        else:
            near.hits += 1
            return made
    entry, values = find_values(table, near, pk)
    return table.codec.instance(values, entry.stamp, table.using)


def _made(table: CachedTable, copy: Copy) -> Any:
    if (make := copy.make) is None:
        make = copy.make = template(table.codec, copy.entry.body, copy.entry.stamp, table.using)  # type: ignore[arg-type]
    return make()


def instances(table: CachedTable, near: Near, pks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield (pk, instance) of each row that exists, of any number."""
    for some in in_chunks(table.find_pks(pks)):
        wanted = list(dict.fromkeys(some))
        copies = near.copies(table, wanted)
        near.hits += len(copies)
        entries = find_uncopied(table, near, [pk for pk in wanted if pk not in copies])
        for pk in wanted:
            try:
                if pk in copies:
                    yield pk, _made(table, copies[pk])
                elif (entry := entries[pk]).body is not None:
                    yield pk, table.instance(entry)
            except ValueError:
                yield pk, instance(table, near, pk)
