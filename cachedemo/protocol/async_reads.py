"""Reads in an event loop: a hit is asked for from the loop itself, everything else goes to Django's thread."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async

from cachedemo import conf
from cachedemo.protocol import on_commit, reads, slot_format, stats
from cachedemo.protocol.cached_table import CachedTable, Places
from cachedemo.protocol.entries import Entry
from cachedemo.servers import loop_reads
from cachedemo.servers.loop_server import Found

T = TypeVar("T")

WAITS = 3  # for how many other readers one waits that have filled nothing, before it goes to a thread all the same


async def in_djangos_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call what may ask the database where Django asks it, so that it sees the transaction of its caller.

    Cancelled meanwhile, the call goes on to its end: no lease, mark or connection is left behind.
    """
    return await sync_to_async(call, thread_sensitive=True)(*args, **kwargs)


def ask(table: CachedTable, pk: Any) -> "asyncio.Future[Found | None] | None":
    """Return the answer of the cache to be, for `held`; None where a thread must be asked.

    It and `held` are no coroutine together, because of a thousand hits in one turn each would cost a microsecond more.
    """
    places = table.places
    if not _may_ask(places) or on_commit.is_being_written(table, [pk]):
        return None
    loop = loop_reads.of_this_loop()
    return None if loop is None else loop.get(places.slots.key(pk))


def held(table: CachedTable, found: Found | None) -> Entry | None:
    """Return the row if its slot holds it, None where a thread must be asked."""
    if found is None or (entry := slot_format.held(*found)) is None:
        return None
    stats.count(table.reads.hits)
    return entry


async def load(table: CachedTable, pk: Any) -> Entry:
    """Read a row in Django's thread; its body is None if there is no row.

    Under ASGI each request has a thread of its own, so a thousand readers of a cold row would be a thousand threads.
    So of the readers of one loop one goes to a thread. The others wait for it, and then ask the cache again: what it
    has found may be older than a write that was acknowledged meanwhile.
    """
    for _ in range(WAITS):
        loop = loop_reads.of_this_loop()
        if loop is None or _holds_djangos_thread():
            break
        key = table.places.slots.key(pk)
        if (ended := loop.loading.get(key)) is None:
            with loop.loads(key):
                return await in_djangos_thread(reads.find, table, pk)
        await ended.wait()
        asked = ask(table, pk)
        if asked is not None and (entry := held(table, await asked)) is not None:
            return entry
    return await in_djangos_thread(reads.find, table, pk)


def _holds_djangos_thread() -> bool:
    """Whether Django's thread waits for this reader: then no other reader could load anything before it has ended."""
    return getattr(AsyncToSync.executors, "current", None) is not None


async def hits(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return those of at most a thousand rows whose slots hold them, in one round trip to each server."""
    places = table.places
    if not pks or not _may_ask(places) or on_commit.is_being_written(table, pks):
        return {}
    loop = loop_reads.of_this_loop()
    if loop is None:
        return {}
    found = await loop.get_many([places.slots.key(pk) for pk in pks])
    entries = {pk: entry for pk, each in zip(pks, found, strict=True) if each and (entry := slot_format.held(*each))}
    stats.count(table.reads.hits, len(entries))
    return entries


def _may_ask(places: Places) -> bool:
    """Whether the slots may be trusted as they are.

    Not before this process has announced its version, nor while it is switched off, by its setting or by an operator. A
    test of a project is a transaction of Django's thread, and has keys of its own: the loop knows of neither.
    """
    is_in_use = bool(places.announced) and places.closed is None and places.prefix is not None
    return is_in_use and places.prefix == conf.key_prefix()
