"""Where the value of each row would come from now, found out without filling the cache by looking."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo import Entry, ModelCache, Origin
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.protocol import stamps
from cachedemo.protocol.slots import held
from cachedemo.servers.roles import CACHE
from users.pages import words


class Peek(NamedTuple):
    """One row, as the next read would find it.

    Attributes:
        values: the row's fields as JSON has them.
        origin: where they would come from.
        ttl: seconds that the cache still has them; None where it has not.
        waiting: names of the fields whose newest value the database does not have yet.
    """

    values: dict[str, Any]
    origin: Origin
    ttl: int | None
    waiting: list[str]

    @property
    def place(self) -> str:
        return words.PLACES[self.origin]


def peek(cache: ModelCache, pks: Sequence[Any]) -> tuple[dict[Any, Peek], bool]:
    """Return the rows that exist, pk -> Peek, and whether the cache server answered.

    Two round trips to the cache, one to the queue and one to the database, however many rows. What waits is read
    before the rows, so that a flush between the two shows in the rows.

    Raises:
        QueueUnavailable: nobody can tell what waits.
    """
    pending, _ = cache.table.queue.pending(pks, cache.table.slots.version)
    cached = _cached(cache, pks)
    rows = {row.pk: row for row in cache.table.rows.filter(pk__in=pks)}
    fields = dict(zip(pks, pending, strict=True))
    found = {pk: _peek(cache, rows[pk], fields[pk], (cached or {}).get(pk)) for pk in pks if pk in rows}
    return found, cached is not None


def waiting(cache: ModelCache, pk: Any) -> list[str] | None:
    """Return the names of the fields of one row that wait for the database; None if the queue does not answer."""
    try:
        [fields], _ = cache.table.queue.pending([pk], cache.table.slots.version)
    except QueueUnavailable:
        return None
    return sorted(fields)


def seconds_left(cache: ModelCache, pk: Any, entry: Entry) -> int | None:
    """Return how long the cache will have an entry that was just read; None if it has not."""
    if entry.slot is None:
        return None
    try:
        ttl = entry.ttl if entry.ttl is not None else cache.table.slots.get_with_ttl(pk)[1]
    except CacheUnavailable:
        return None
    return ttl // 1000 if ttl > 0 else None


def _peek(cache: ModelCache, row: Any, pending: dict[str, tuple[int, Any]], cached: tuple[Entry, int] | None) -> Peek:
    reached = stamps.proper(row.cache_stamp)
    waiting = sorted(name for name, (stamp, _) in pending.items() if stamp > reached)
    if cached:
        entry, ttl = cached
        return Peek(cache.table.codec.decode(entry.body or b""), Origin.CACHE, ttl, waiting)
    entry = cache.table.codec.overlay(cache.table.codec.values(row.__dict__), reached, pending)
    return Peek(cache.table.codec.decode(entry.body or b""), entry.origin, None, waiting)


def _cached(cache: ModelCache, pks: Sequence[Any]) -> dict[Any, tuple[Entry, int]] | None:
    """Return what is in the cache, pk -> entry and seconds to live; None if the server does not answer."""
    try:
        slots = cache.table.slots.get_many(pks)
        lifetimes = CACHE.pipeline([("PTTL", cache.table.slots.key(pk)) for pk in pks])
    except CacheUnavailable:
        return None
    entries = {pk: (held(slot), lifetime) for pk, slot, lifetime in zip(pks, slots, lifetimes, strict=True) if slot}
    return {
        pk: (entry, max(0, lifetime) // 1000)
        for pk, (entry, lifetime) in entries.items()
        if entry and entry.body is not None and _is_a_row(cache, entry.body)
    }


def _is_a_row(cache: ModelCache, body: bytes) -> bool:
    try:
        cache.table.codec.decode(body)
    except ValueError:  # foreign bytes: the next read throws them out
        return False
    return True
