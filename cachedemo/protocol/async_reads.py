"""Reads in an event loop: a hit is asked for from the loop itself, everything else goes to Django's thread.

A loop knows nothing of the transactions of Django's thread, so a copy (near.py) is used as a slot is: unless the row
may have been written by one that has not ended.
"""

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


async def hit(table: CachedTable, pk: Any, fresh: bool = False) -> Entry | None:
    """Return the row if it has a copy here or its slot holds it, None where a thread must be asked."""
    if not _may_ask(table) or on_commit.is_being_written(table, [pk]):
        return None
    near, places = None if fresh else table.near, table.places
    if near is not None and (copy := near.current(places, pk)) is not None:
        return near.hit(copy).entry
    reads = loop_reads.of_this_loop()
    if reads is None:
        return None
    note = None if near is None else near.note(places, pk)
    try:
        slot = await reads.get(places.slots.key(pk))
    except CacheUnavailable:
        return None
    entry = _held(reads, slot)
    if entry is not None:
        stats.count(table.reads.hits)
        if near is not None and slot is not None:
            near.keep(note, slot, entry)
        if events.cache_hit.receivers:
            await events.atell_hits(table, {pk: entry})
    return entry


async def hits(table: CachedTable, pks: Sequence[Any], fresh: bool = False) -> dict[Any, Entry]:
    """Return those of at most a thousand rows whose slots hold them, in one round trip."""
    if not pks or not _may_ask(table) or on_commit.is_being_written(table, pks):
        return {}
    near, places = None if fresh else table.near, table.places
    copied = {} if near is None else near.copies(places, pks)
    reads = loop_reads.of_this_loop()
    if reads is None or len(copied) == len(pks):
        return copied
    asked = [pk for pk in pks if pk not in copied]
    notes = {} if near is None else {pk: near.note(places, pk) for pk in asked}
    try:
        found = await reads.get_many([places.slots.key(pk) for pk in asked])
    except CacheUnavailable:
        return copied
    entries = {
        pk: (entry, slot) for pk, slot in zip(asked, found, strict=True) if slot and (entry := _held(reads, slot))
    }
    stats.count(table.reads.hits, len(entries))
    if near is not None:
        for pk, (entry, slot) in entries.items():
            near.keep(notes[pk], slot, entry)
    read = {pk: entry for pk, (entry, _) in entries.items()}
    if events.cache_hit.receivers:
        await events.atell_hits(table, read)
    return copied | read


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
