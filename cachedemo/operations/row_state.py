"""What the cache, the queue and the database have of a row, found out without changing anything.

What waits is asked for before the row: a flush between the two then shows up in the row, and is never in neither.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db import DatabaseError

from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.operations import keyspace
from cachedemo.protocol import answering, slot_format, slot_kinds, stamps
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.database import Row
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.increments import over
from cachedemo.protocol.slot_kinds import SlotKind
from cachedemo.protocol.waiting_fields import Fields
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error

CACHE_PLACE, QUEUE_PLACE, DATABASE_PLACE = "cache", "queue", "database"
NO_ANSWER = (CachedemoError, Error, DatabaseError)


class Slot(NamedTuple):
    """What a slot has.

    Attributes:
        body: its bytes; None if it is empty, or a key of a type that no slot has.
        ttl_ms: milliseconds it still has to live; negative where nothing expires.
        kind: None if it is empty, or holds what cachedemo did not write.
        entry: what a read would take from it, if anything.
        values: the fields in it, of whatever version; empty if there are none.
    """

    body: bytes | None
    ttl_ms: int
    kind: SlotKind | None
    entry: Entry | None
    values: Values


class RowState(NamedTuple):
    """One row in the three places; None where a place has nothing of it, or does not answer."""

    slot: Slot | None
    waiting: Fields | None
    row: Row | None

    @property
    def newer(self) -> Values:
        """The waiting values that the row does not have yet: name -> JSON value."""
        reached = stamps.proper(self.row[0]) if self.row is not None else 0
        values = self.row[1] if self.row is not None else {}
        return {
            name: over(value, values.get(name), reached)
            for name, (stamp, value) in (self.waiting or {}).items()
            if stamp > reached
        }


class Look(NamedTuple):
    """What was found of some rows: pk -> state, and place -> error of each place that does not answer."""

    rows: dict[Any, RowState]
    problems: dict[str, Exception]


def look_at(cache: ModelCache, pks: Sequence[Any], keys: Sequence[str] | None = None) -> Look:
    """Look at some rows, in one round trip to each place; `keys` are those of their slots, if of another version."""
    problems: dict[str, Exception] = {}

    def asked(place: str, ask: Callable[[], dict[Any, Any]]) -> dict[Any, Any]:
        try:
            return ask()
        except NO_ANSWER as error:
            problems[place] = error
            return {}

    found = asked(CACHE_PLACE, lambda: _slots(pks, keys or [cache.table.slots.key(pk) for pk in pks]))
    waiting = asked(QUEUE_PLACE, lambda: _waiting(cache, pks))
    rows = asked(DATABASE_PLACE, lambda: _rows(cache, pks))
    return Look({pk: RowState(found.get(pk), waiting.get(pk), rows.get(pk)) for pk in pks}, problems)


def _slots(pks: Sequence[Any], keys: Sequence[str]) -> dict[Any, Slot]:
    answers = CACHE.pipeline([(command, key) for key in keys for command in ("GET", "PTTL")])
    return {pk: _slot(keys[i], *answers[2 * i : 2 * i + 2]) for i, pk in enumerate(pks)}


def _slot(key: str, body: Any, ttl_ms: Any) -> Slot:
    if not isinstance(body, bytes):  # empty, or a list or a hash of somebody else's
        return Slot(None, raised(ttl_ms), None, None, {})
    kind = slot_kinds.kind_of(body) if slot_format.is_well_formed(body) else None
    entry = slot_format.held(body, CACHE.identity_of(key))
    return Slot(body, raised(ttl_ms), kind, entry, _values(entry))


def _values(entry: Entry | None) -> Values:
    try:
        return keyspace.decoded(entry.body) if entry and entry.body else {}
    except ValueError:
        return {}


def _waiting(cache: ModelCache, pks: Sequence[Any]) -> dict[Any, Fields]:
    fields, _ = cache.table.queue.pending(pks, cache.table.slots.version)
    return dict(zip(pks, fields, strict=True))


def _rows(cache: ModelCache, pks: Sequence[Any]) -> dict[Any, Row]:
    with answering.answering():
        found = list(cache.table.rows.filter(pk__in=pks).values(STAMP, *cache.table.codec.names))
    pk = cache.table.codec.pk.attname
    return {cache.table.pk_of_row(row[pk]): (row[STAMP], cache.table.codec.values(row)) for row in found}


class PlaceInQueue(NamedTuple):
    """Where the waiting write of a row is.

    Attributes:
        name: `dead`, `claimed` or `list`.
        deadline: until when a claimed one is left to who claimed it, in seconds since the epoch; None for the others.
    """

    name: str
    deadline: float | None = None


def place_in_queue(cache: ModelCache, pk: Any) -> PlaceInQueue:
    """Return where the waiting write of a row is. Raises QueueUnavailable."""
    queue = cache.table.queue.part_of(pk)
    answers = QUEUE.pipeline([("ZSCORE", queue.key("claimed"), str(pk)), ("HEXISTS", queue.key("dead"), str(pk))])
    claimed, dead = map(raised, answers)
    if dead:
        return PlaceInQueue("dead")
    return PlaceInQueue("list") if claimed is None else PlaceInQueue("claimed", float(claimed) / 1_000_000)
