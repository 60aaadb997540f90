"""Reads in an event loop: a hit is asked for from the loop itself, everything else goes to Django's thread."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import events, on_commit, slot_format, stats
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.servers import loop_reads, test_runs

T = TypeVar("T")


async def in_djangos_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call what may ask the database where Django asks it, so that it sees the transaction of its caller.

    Cancelled meanwhile, the call goes on to its end: no lease, mark or connection is left behind.
    """
    return await sync_to_async(call, thread_sensitive=True)(*args, **kwargs)


async def hit(table: CachedTable, pk: Any) -> Entry | None:
    """Return the row if its slot holds it, None where a thread must be asked."""
    if not _may_ask(table) or on_commit.is_being_written(table, [pk]):
        return None
    reads = loop_reads.of_this_loop()
    if reads is None:
        return None
    try:
        slot = await reads.get(table.places.slots.key(pk))
    except CacheUnavailable:
        return None
    entry = _held(reads, slot)
    if entry is not None:
        stats.count(table.reads.hits)
        if events.cache_hit.receivers:
            await events.atell_hits(table, {pk: entry})
    return entry


async def hits(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return those of at most a thousand rows whose slots hold them, in one round trip."""
    if not pks or not _may_ask(table) or on_commit.is_being_written(table, pks):
        return {}
    reads = loop_reads.of_this_loop()
    if reads is None:
        return {}
    try:
        found = await reads.get_many([table.places.slots.key(pk) for pk in pks])
    except CacheUnavailable:
        return {}
    entries = {pk: entry for pk, slot in zip(pks, found, strict=True) if (entry := _held(reads, slot))}
    stats.count(table.reads.hits, len(entries))
    if events.cache_hit.receivers:
        await events.atell_hits(table, entries)
    return entries


def reads_of_loop(table: CachedTable) -> loop_reads.LoopReads | None:
    """Return what asks the cache from this event loop; None where a thread must be asked."""
    return loop_reads.of_this_loop() if _may_ask(table) else None


def _held(reads: loop_reads.LoopReads, slot: bytes | None) -> Entry | None:
    if not slot or (server := reads.server()) is None:
        return None
    return slot_format.held(slot, server)


def _may_ask(table: CachedTable) -> bool:
    """Whether the slots may be trusted as they are.

    Not before this process has announced its version, nor while it is switched off, by its setting or by an operator. A
    test of a project is a transaction of Django's thread, and has keys of its own: the loop knows of neither.
    """
    places = table.places
    in_use = places.prefix is not None and bool(places.announced) and places.closed is None
    return in_use and not test_runs.is_under_way(table.using)
