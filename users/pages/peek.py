"""Where the value of each row would come from now, found out without filling the cache by looking."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo import Entry, ModelCache, Origin
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.operations.row_state import CACHE_PLACE, DATABASE_PLACE, QUEUE_PLACE, RowState, Slot, look_at
from users.pages import words


class Peek(NamedTuple):
    """One row, as the next read would find it.

    Attributes:
        values: the row's fields, as JSON values.
        origin: where they would come from.
        ttl: seconds that the cache still has them; None where it has not.
        waiting: names of the fields whose newest value the database does not have yet.
        is_refused: whether they wait no more, because the database has refused them.
    """

    values: dict[str, Any]
    origin: Origin
    ttl: int | None
    waiting: list[str]
    is_refused: bool = False

    @property
    def place(self) -> str:
        return words.PLACES[self.origin]


def peek(cache: ModelCache, pks: Sequence[Any]) -> tuple[dict[Any, Peek], bool]:
    """Return the rows that exist, pk -> Peek, and whether the cache server answered.

    One round trip to the cache, one to the queue and one to the database, however many rows.

    Raises:
        QueueUnavailable: nobody can tell what waits.
        SourceUnavailable: the database does not answer.
    """
    look = look_at(cache, pks)
    for place in (QUEUE_PLACE, DATABASE_PLACE):
        if place in look.problems:
            raise look.problems[place]
    found = {pk: _peek(cache, state) for pk, state in look.rows.items() if state.row is not None}
    for pk in refused(cache, [pk for pk, each in found.items() if each.waiting]):
        found[pk] = found[pk]._replace(is_refused=True)
    return found, CACHE_PLACE not in look.problems


def waiting(cache: ModelCache, pk: Any) -> list[str] | None:
    """Return the names of the fields of one row that wait for the database; None if the queue does not answer."""
    try:
        [fields], _ = cache.table.queue.pending([pk], cache.table.slots.version)
    except QueueUnavailable:
        return None
    return sorted(fields)


def refused(cache: ModelCache, pks: Sequence[Any]) -> list[Any]:
    """Return those whose waiting write the database has refused; the queue is asked only if there are any.

    Raises:
        QueueUnavailable: nobody can tell.
    """
    dead = cache.table.queue.dead([str(pk) for pk in pks])
    return [pk for pk in pks if str(pk) in dead]


def waits(cache: ModelCache, pk: Any) -> dict[str, Any]:
    """Return what a page says of the write that waits: `waiting`, None if nobody can tell, and `is_refused`."""
    fields = waiting(cache, pk)
    try:
        return {"waiting": fields, "is_refused": bool(fields and refused(cache, [pk]))}
    except QueueUnavailable:
        return {"waiting": None, "is_refused": False}


class Kept(NamedTuple):
    """What the cache has of a row that was just read.

    Attributes:
        ttl: seconds that it will have it; None where it has not, or does not answer.
    """

    ttl: int | None
    cache_answers: bool = True


def kept(cache: ModelCache, pk: Any, entry: Entry) -> Kept:
    try:
        ttl = entry.ttl if entry.ttl is not None else cache.table.slots.get_with_ttl(pk)[1]
    except CacheUnavailable:
        return Kept(None, cache_answers=False)
    return Kept(ttl // 1000 if entry.slot is not None and ttl > 0 else None)


def _peek(cache: ModelCache, state: RowState) -> Peek:
    """Answer as a read would: from the slot if it holds a row, else the row, and over it what waits."""
    stamp, values = state.row or (0, None)
    fields = state.waiting or {}
    waiting = sorted(name for name, (field_stamp, _) in fields.items() if field_stamp > stamp)
    if state.slot and (cached := _cached(cache, state.slot)):
        return Peek(cached, Origin.CACHE, max(0, state.slot.ttl_ms) // 1000, waiting)
    entry = cache.table.codec.overlay(values, stamp, fields)
    return Peek(cache.table.codec.decode(entry.body or b""), entry.origin, None, waiting)


def _cached(cache: ModelCache, slot: Slot) -> dict[str, Any] | None:
    """Return the row in a slot; None if there is none, or JSON that the next read throws out."""
    try:
        return cache.table.codec.decode(slot.entry.body) if slot.entry and slot.entry.body else None
    except ValueError:
        return None
