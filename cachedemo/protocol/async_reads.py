"""Reads in an event loop: a hit is asked for from the loop itself, everything else goes to Django's thread.

A loop knows nothing of the transactions of Django's thread, so a copy (near.py) is used as a slot is: unless the row
may have been written by one that has not ended.
"""

from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async

from cachedemo import conf
from cachedemo.protocol import events, near_reads, on_commit, slot_format, stats
from cachedemo.protocol.cached_table import CachedTable, Places
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.model_stats import HIT_LATENCY
from cachedemo.protocol.near import Keeper, Near
from cachedemo.protocol.near_copies import Copy
from cachedemo.servers import loop_reads
from cachedemo.servers.loop_server import Found

T = TypeVar("T")

WAITS = 3  # for how many other readers one waits that have filled nothing, before it goes to a thread all the same


async def in_djangos_thread(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call what may ask the database where Django asks it, so that it sees the transaction of its caller.

    Cancelled meanwhile, the call goes on to its end: no lease, mark or connection is left behind. A field may be named
    as a parameter of ours or of asgiref's is.
    """
    return await sync_to_async(partial(call, *args, **kwargs), thread_sensitive=True)()


async def find(table: CachedTable, pk: Any, near: Near | None) -> Entry:
    """Return the row as `reads.find` does, or a copy of it.

    Args:
        near: whose copies are used and made, None for none.
    """
    entry = _copied(table, pk, near)
    if entry is not None:
        return entry
    asked = ask(table, pk, near)  # here and not in `in_slot`: each coroutine inside another takes its time
    entry = None if asked is None else await asked
    if entry is None:
        return await _load(table, pk, near)
    if events.cache_hit.receivers:
        await events.atell_hits(table, {pk: entry})
    return entry


async def hit(table: CachedTable, pk: Any, near: Near | None) -> Entry | None:
    """Return the row if it has a copy here or its slot holds it, None where a thread must be asked."""
    return _copied(table, pk, near) or await in_slot(table, pk, near)


def _copied(table: CachedTable, pk: Any, near: Near | None) -> Entry | None:
    if near is None or not (copy := copies(table, [pk], near)):
        return None
    near.hits += 1
    return copy[pk].entry


def copies(table: CachedTable, pks: Sequence[Any], near: Near | None) -> dict[Any, Copy]:
    """Return the copy of each of these rows that has one, and may be returned in a loop."""
    places = table.places
    if near is None or not _may_ask(places) or on_commit.is_being_written(table, pks):
        return {}
    return {pk: copy for pk in pks if (copy := near.current(places, pk)) is not None}


async def in_slot(table: CachedTable, pk: Any, near: Near | None) -> Entry | None:
    """Return the row if its slot holds it, and copy it; None where a thread must be asked."""
    asked = ask(table, pk, near)
    entry = None if asked is None else await asked
    if entry is not None and events.cache_hit.receivers:
        await events.atell_hits(table, {pk: entry})
    return entry


def ask(table: CachedTable, pk: Any, near: Near | None) -> "Future[Entry | None] | None":
    """Ask for a row in this turn of the loop; None, now or then, where a thread must be asked."""
    loop = loop_reads.of_this_loop()
    if loop is None:
        return None
    turn: Any = loop.turns.get(table) or loop.begin(table, _Turn(table))
    if not turn.may_ask or (on_commit.is_anything_under_way() and on_commit.is_being_written(table, [pk])):
        return None
    keep = None if near is None else near.keeper(turn.places, pk)
    return loop.get(turn.key(pk), turn if keep is None else _Kept(turn, keep))


class _Turn(loop_reads.Turn):
    """What the readers of one turn of a loop ask of one table's slots; what they are told are entries.

    Attributes:
        may_ask: as `_may_ask`.
        key: returns the key of a row's slot.
    """

    def __init__(self, table: CachedTable) -> None:
        self.places = table.places
        self.may_ask = _may_ask(self.places)
        self.key = self.places.slots.key
        self._counts = table.reads.hits
        self._begun = perf_counter()
        self._hits = 0

    def taken(self, found: Found | None) -> Entry | None:
        if found is None or (entry := slot_format.held(*found)) is None:
            return None
        self._hits += 1
        return entry

    def is_answered(self) -> None:
        hits, self._hits = self._hits, 0
        stats.count(self._counts, hits)
        HIT_LATENCY.took(perf_counter() - self._begun, hits)


class _Kept(loop_reads.Turn):
    """The same for one reader who copies what was found."""

    def __init__(self, turn: _Turn, keep: Keeper) -> None:
        self._turn = turn
        self._keep = keep

    def taken(self, found: Found | None) -> Entry | None:
        entry = self._turn.taken(found)
        if found is not None and entry is not None:
            self._keep(found.slot, entry)
        return entry

    def is_answered(self) -> None:
        self._turn.is_answered()


async def _load(table: CachedTable, pk: Any, near: Near | None) -> Entry:
    """Read a row in Django's thread.

    Under ASGI each request has a thread of its own, so a thousand readers of a cold row would be a thousand threads.
    So of the readers of one loop one goes to a thread. The others wait for it, and then ask the cache again: what it
    has found may be older than a write that was acknowledged meanwhile.
    """
    for _ in range(WAITS):
        loop = loop_reads.of_this_loop()
        if loop is None or holds_djangos_thread():
            break
        key = table.places.slots.key(pk)
        if (ended := loop.loading.get(key)) is None:
            with loop.loads(key):
                return await in_djangos_thread(_find, table, pk, near)
        await ended.wait()
        if (entry := await hit(table, pk, near)) is not None:
            return entry
    return await in_djangos_thread(_find, table, pk, near)


def _find(table: CachedTable, pk: Any, near: Near | None) -> Entry:
    return near_reads.find(table, near, pk)


def holds_djangos_thread() -> bool:
    """Whether Django's thread waits for this reader: then no other reader could load anything before it has ended."""
    return getattr(AsyncToSync.executors, "current", None) is not None


async def hits(table: CachedTable, pks: Sequence[Any], near: Near | None) -> dict[Any, Entry]:
    """Return those of at most a thousand rows that have a copy here, or whose slots hold them."""
    copied = {pk: copy.entry for pk, copy in copies(table, pks, near).items()}
    if near is not None:
        near.hits += len(copied)
    return copied | await in_slots(table, [pk for pk in pks if pk not in copied], near)


async def in_slots(table: CachedTable, pks: Sequence[Any], near: Near | None) -> dict[Any, Entry]:
    """Return those of at most a thousand rows whose slots hold them, in one trip to each server, and copy them."""
    places = table.places
    if not pks or not _may_ask(places) or on_commit.is_being_written(table, pks):
        return {}
    loop = loop_reads.of_this_loop()
    if loop is None:
        return {}
    keepers = {} if near is None else {pk: near.keeper(places, pk) for pk in pks}
    found = dict(zip(pks, await loop.get_many([places.slots.key(pk) for pk in pks]), strict=True))
    read = {pk: entry for pk, each in found.items() if each and (entry := slot_format.held(*each))}
    stats.count(table.reads.hits, len(read))
    for pk, keep in keepers.items():
        if keep is not None and pk in read:
            keep(found[pk].slot, read[pk])
    if events.cache_hit.receivers:
        await events.atell_hits(table, read)
    return read


def of_loop(table: CachedTable) -> loop_reads.LoopReads | None:
    """Return what asks the cache from this event loop; None where a thread must be asked."""
    return loop_reads.of_this_loop() if _may_ask(table.places) else None


def _may_ask(places: Places) -> bool:
    """Whether the slots may be trusted as they are.

    Not before this process has announced its version, nor while it is switched off, by its setting or by an operator. A
    test of a project is a transaction of Django's thread, and has keys of its own: the loop knows of neither.
    """
    is_in_use = bool(places.announced) and places.closed is None and places.prefix is not None
    return is_in_use and places.prefix == conf.key_prefix()
