"""Reads: the same in all three patterns. A slot that is empty is loaded as `leases.py` says."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.protocol import events, leases, loading, on_commit, slot_format, stats, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.model_stats import HIT_LATENCY


def find(table: CachedTable, pk: Any, seen: Callable[[bytes, Entry], None] | None = None) -> Entry:
    """Return the row as no older than any write acknowledged before; its body is None if there is no row.

    Args:
        seen: is told what a slot held that was found, and what was taken from it.
    """
    places = table.places
    if not (places.announced or _announce(table)):
        return loading.load(table, pk)[0]
    started = perf_counter()
    try:
        if places.emptied and places.emptied.pop(pk, False) and not transactions.in_transaction(table.using):
            return leases.load(table, pk)
        slot = places.slots.get(pk)
        if slot is not None and (entry := places.slots.held(pk, slot)) and not _may_hide_own_write(table, pk, slot):
            HIT_LATENCY.took(perf_counter() - started)
            stats.count(table.reads.hits)
            if seen is not None:
                seen(slot, entry)
            if events.cache_hit.receivers:
                events.tell_hits(table, {pk: entry})
            return entry
        return leases.load(table, pk)
    except CacheUnavailable:
        return loading.load(table, pk)[0]


def find_values(
    table: CachedTable, pk: Any, seen: Callable[[bytes, Entry], None] | None = None
) -> tuple[Entry, Values]:
    """Return the entry and what is in its body; a slot with JSON that is not ours is thrown out and loaded again.

    Args:
        seen: as for `find`.

    Raises:
        DoesNotExist: there is no such row.
    """
    entry = find(table, pk, seen)
    if entry.body is None:
        raise table.missing(pk)
    try:
        return entry, table.codec.decode(entry.body)
    except ValueError:
        return _reload_malformed(table, pk)


def _reload_malformed(table: CachedTable, pk: Any) -> tuple[Entry, Values]:
    """Throw the slot out, and read what is under it: from the database if the cache does not answer any more."""
    try:
        table.slots.discard(pk)
    except CacheUnavailable:
        entry, _ = loading.load(table, pk)
    else:
        entry = find(table, pk)
    if entry.body is None:
        raise table.missing(pk)
    return entry, table.codec.decode(entry.body)


def find_with_ttl(table: CachedTable, pk: Any) -> Entry:
    """Do the same, and tell how long the slot that answered still has to live."""
    places = table.places
    if places.announced:
        started = perf_counter()
        try:
            slot, ttl = places.slots.get_with_ttl(pk)
        except CacheUnavailable:
            return loading.load(table, pk)[0]
        if slot is not None and (entry := places.slots.held(pk, slot)) and not _may_hide_own_write(table, pk, slot):
            HIT_LATENCY.took(perf_counter() - started)
            stats.count(table.reads.hits)
            if events.cache_hit.receivers:
                events.tell_hits(table, {pk: entry})
            return entry._replace(ttl=ttl)
    return find(table, pk)


def find_many(
    table: CachedTable, pks: Sequence[Any], seen: Callable[[Any, bytes, Entry], None] | None = None
) -> dict[Any, Entry]:
    """Return an entry for each row asked for, in a fixed number of round trips; foreign leases are not waited for.

    Args:
        seen: is told of each slot that was found: the key, what it held, and what was taken from it.
    """
    places = table.places
    if not (places.announced or _announce(table)):
        return loading.load_many(table, pks)[0]
    try:
        found = places.slots.get_many(pks)
        if transactions.in_transaction(table.using):
            found = [
                slot and (None if _may_hide_own_write(table, pk, slot) else slot)
                for pk, slot in zip(pks, found, strict=True)
            ]
        entries = places.slots.all_held(pks, found)
        stats.count(table.reads.hits, len(entries))
        if seen is not None:
            for pk, slot in zip(pks, found, strict=True):
                if pk in entries and slot is not None:
                    seen(pk, slot, entries[pk])
        if events.cache_hit.receivers:
            events.tell_hits(table, entries)
        if len(entries) < len(pks):
            entries |= leases.load_many(table, [pk for pk in pks if pk not in entries])
        return entries
    except CacheUnavailable:
        return loading.load_many(table, pks)[0]


def is_announced(table: CachedTable) -> bool:
    """Say whether our version is announced, so that what the cache has of it may be trusted. Raises as a read does."""
    return bool(table.announced) or _announce(table)


def _announce(table: CachedTable) -> bool:
    """Announce our version; return whether its slots may be trusted, because every writer now sees to them."""
    try:
        versions.announce_unless_closed(table)
    except QueueUnavailable:
        if conf.get("STRICT_READS"):
            raise
    return bool(table.announced)


def _may_hide_own_write(table: CachedTable, pk: Any, slot: bytes) -> bool:
    """Whether the slot may hide what the transaction under way has written itself."""
    if not on_commit.is_anything_under_way() and not slot_format.is_mark(slot):
        return False  # said first, because it is nearly always so, and to ask for the transaction takes longer
    using = table.using
    return transactions.in_transaction(using) and (on_commit.wrote(using, table, pk) or slot_format.is_mark(slot))
