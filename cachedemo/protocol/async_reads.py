"""Reads in an event loop: a hit is asked for from the loop itself, everything else goes to Django's thread.

A loop knows nothing of the transactions of Django's thread, so a copy (near.py) is used as a slot is: unless the row
may have been written by one that has not ended.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async

from cachedemo import conf
from cachedemo.protocol import events, near_reads, on_commit, reads, slot_format, stats
from cachedemo.protocol.cached_table import CachedTable, Places
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near import Near
from cachedemo.servers import loop_reads

T = TypeVar("T")

WAITS = 3  # for how many other readers one waits that have filled nothing, before it goes to a thread all the same


async def in_djangos_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call what may ask the database where Django asks it, so that it sees the transaction of its caller.

    Cancelled meanwhile, the call goes on to its end: no lease, mark or connection is left behind.
    """
    return await sync_to_async(call, thread_sensitive=True)(*args, **kwargs)


async def find(table: CachedTable, pk: Any, fresh: bool = False) -> Entry:
    """Return the row as `reads.find` does, or a copy of it."""
    near = None if fresh else table.near
    entry = await hit(table, pk, near)
    return await _load(table, pk, near) if entry is None else entry


async def hit(table: CachedTable, pk: Any, near: Near | None) -> Entry | None:
    """Return the row if it has a copy here or its slot holds it, None where a thread must be asked."""
    places = table.places
    if not _may_ask(places) or on_commit.is_being_written(table, [pk]):
        return None
    if near is not None and (copy := near.current(places, pk)) is not None:
        return near.hit(copy).entry
    loop = loop_reads.of_this_loop()
    if loop is None:
        return None
    note = None if near is None else near.note(places, pk)
    found = await loop.get(places.slots.key(pk))
    if found is None or (entry := slot_format.held(*found)) is None:
        return None
    stats.count(table.reads.hits)
    if near is not None:
        near.keep(note, found.slot, entry)
    if events.cache_hit.receivers:
        await events.atell_hits(table, {pk: entry})
    return entry


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
    return reads.find(table, pk) if near is None else near_reads.find(table, near, pk)


def holds_djangos_thread() -> bool:
    """Whether Django's thread waits for this reader: then no other reader could load anything before it has ended."""
    return getattr(AsyncToSync.executors, "current", None) is not None


async def hits(table: CachedTable, pks: Sequence[Any], fresh: bool = False) -> dict[Any, Entry]:
    """Return those of at most a thousand rows that have a copy here, or whose slots hold them.

    That takes one round trip to each server.
    """
    places = table.places
    if not pks or not _may_ask(places) or on_commit.is_being_written(table, pks):
        return {}
    near = None if fresh else table.near
    copied = {} if near is None else near.copies(places, pks)
    loop = loop_reads.of_this_loop()
    if loop is None or len(copied) == len(pks):
        return copied
    asked = [pk for pk in pks if pk not in copied]
    notes = {} if near is None else {pk: near.note(places, pk) for pk in asked}
    found = dict(zip(asked, await loop.get_many([places.slots.key(pk) for pk in asked]), strict=True))
    read = {pk: entry for pk, each in found.items() if each and (entry := slot_format.held(*each))}
    stats.count(table.reads.hits, len(read))
    for pk, entry in read.items() if near is not None else ():
        near.keep(notes[pk], found[pk].slot, entry)  # type: ignore[union-attr]
    if events.cache_hit.receivers:
        await events.atell_hits(table, read)
    return copied | read


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
