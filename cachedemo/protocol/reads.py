"""Reads: the same in all three patterns. The reader that holds the lease of a slot loads it; the others wait."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.protocol import loading, on_commit, slots, stats, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05  # seconds between two looks at somebody else's lease


def find(table: CachedTable, pk: Any) -> Entry:
    """Return the row as no older than any write acknowledged before; its body is None if there is no row."""
    if not (table.announced or _announce(table)):
        return loading.load(table, pk)[0]
    try:
        slot = table.slots.get(pk)
        if slot is not None and (entry := slots.held(slot)) and not _may_hide_own_write(table, pk, slot):
            stats.count(stats.HITS)
            return entry
        return _load(table, pk)
    except CacheUnavailable:
        return loading.load(table, pk)[0]


def find_values(table: CachedTable, pk: Any) -> tuple[Entry, Values]:
    """Return the entry and what is in its body; a slot with JSON that is not ours is thrown out and loaded again.

    Raises:
        DoesNotExist: there is no such row.
    """
    entry = find(table, pk)
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
    if table.announced:
        try:
            slot, ttl = table.slots.get_with_ttl(pk)
        except CacheUnavailable:
            return loading.load(table, pk)[0]
        if slot is not None and (entry := slots.held(slot)) and not _may_hide_own_write(table, pk, slot):
            stats.count(stats.HITS)
            return entry._replace(ttl=ttl)
    return find(table, pk)


def find_many(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return an entry for each row asked for, in a fixed number of round trips; foreign leases are not waited for."""
    if not (table.announced or _announce(table)):
        return loading.load_many(table, pks)[0]
    try:
        found = table.slots.get_many(pks)
        entries = {
            pk: entry
            for pk, slot in zip(pks, found, strict=True)
            if slot and (entry := slots.held(slot)) and not _may_hide_own_write(table, pk, slot)
        }
        stats.count(stats.HITS, len(entries))
        if len(entries) < len(pks):
            entries |= _load_many(table, [pk for pk in pks if pk not in entries])
        return entries
    except CacheUnavailable:
        return loading.load_many(table, pks)[0]


def _announce(table: CachedTable) -> bool:
    """Announce our version; return whether its slots may be trusted, because every writer now sees to them."""
    try:
        versions.announce(table)
    except QueueUnavailable:
        if conf.get("STRICT_READS"):
            raise
    return bool(table.announced)


def _may_hide_own_write(table: CachedTable, pk: Any, slot: bytes) -> bool:
    """Whether the slot may hide what the transaction under way has written itself."""
    using = table.using
    return transactions.in_transaction(using) and (slots.is_mark(slot) or on_commit.wrote(using, table, pk))


def _load(table: CachedTable, pk: Any) -> Entry:
    """Load an empty slot under a lease of our own, or wait for what the holder of somebody else's puts there."""
    if transactions.in_transaction(table.using):
        return loading.load(table, pk)[0]
    lease = slots.new_lease()
    pause, patience = FIRST_PAUSE, time.monotonic() + table.options.lease_timeout
    while True:
        slot = table.slots.take_lease(pk, lease)
        if slot is None:
            return _fill(table, pk, lease)
        if entry := slots.held(slot):
            stats.count(stats.HITS)
            return entry
        if table.slots.discard_malformed(pk, slot):
            continue
        if not slots.is_lease(slot) or time.monotonic() > patience:
            entry = loading.load(table, pk)[0]
            _take_away(table, pk, slot)
            return entry
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _fill(table: CachedTable, pk: Any, lease: bytes) -> Entry:
    try:
        entry, may_fill = loading.load(table, pk)
    except Exception:
        _give_back(table, lease, [pk])
        raise
    filled = False
    with contextlib.suppress(CacheUnavailable):
        [filled] = table.slots.fill(lease, {pk: entry if may_fill else None})
    return entry._replace(slot=slots.slot_of(entry)) if filled else entry


def _load_many(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    if transactions.in_transaction(table.using):
        return loading.load_many(table, pks)[0]
    lease = slots.new_lease()
    leased = [pk for pk, found in zip(pks, table.slots.take_leases(pks, lease), strict=True) if found is None]
    try:
        entries, may_fill = loading.load_many(table, pks)
    except Exception:
        _give_back(table, lease, leased)
        raise
    if leased:
        table.slots.fill(lease, {pk: entries[pk] if may_fill else None for pk in leased})
    return entries


def _take_away(table: CachedTable, pk: Any, slot: bytes) -> None:
    """Take a lease away that has outlived our patience: the cache's clock may have been set back, and its TTL with it.

    Its holder, if it still lives, then fills nothing.
    """
    if slots.is_lease(slot):
        _give_back(table, slot, [pk])


def _give_back(table: CachedTable, lease: bytes, pks: Sequence[Any]) -> None:
    """Let others try at once instead of waiting for a lease whose holder has failed."""
    with contextlib.suppress(CacheUnavailable):  # then it expires by itself
        if pks:
            table.slots.fill(lease, dict.fromkeys(pks))
