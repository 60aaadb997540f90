"""The lease of an empty slot: the reader that holds it loads the row and fills the slot, the others wait for that."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import events, loading, on_commit, slot_format, stats, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.slot_format import Lease

_STOPPED = (Exception, KeyboardInterrupt, SystemExit)  # what ends a reader that can still say so
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05  # seconds between two looks at somebody else's lease


def load(table: CachedTable, pk: Any) -> Entry:
    """Load an empty slot under a lease of our own, or wait for what the holder of somebody else's puts there."""
    if transactions.sees_a_snapshot(table.using):
        return loading.load(table, pk)[0]
    on_commit.finish_ended(table.using)
    lease = table.slots.new_lease([pk])
    pause, patience = FIRST_PAUSE, time.monotonic() + table.options.lease_timeout
    while True:
        slot = table.slots.take_lease(pk, lease.text)
        if slot is None:
            return _fill(table, pk, lease)
        if entry := table.slots.held(pk, slot):
            stats.count(table.reads.hits)
            if events.cache_hit.receivers:
                events.tell_hits(table, {pk: entry})
            return entry
        if table.slots.discard_unusable(pk, slot):
            continue
        if not slot_format.is_lease(slot) or time.monotonic() > patience:
            entry = loading.load(table, pk)[0]
            _take_away(table, pk, slot)
            return entry
        if pause == FIRST_PAUSE:
            stats.count(table.counts.waits)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _fill(table: CachedTable, pk: Any, lease: Lease) -> Entry:
    filled = False
    try:
        entry, may_fill = loading.load(table, pk)
        with contextlib.suppress(CacheUnavailable):
            [filled] = table.slots.fill(lease, {pk: entry if may_fill else None})
            if may_fill and not filled:
                stats.count(table.counts.rejected_fills)
    except _STOPPED:
        _give_back(table, lease, [pk])
        raise
    return entry._replace(slot=slot_format.slot_of(entry, lease.servers[pk])) if filled else entry


def load_many(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Load many rows, and fill those slots whose lease is ours; somebody else's is not waited for."""
    if transactions.sees_a_snapshot(table.using):
        return loading.load_many(table, pks)[0]
    on_commit.finish_ended(table.using)
    lease, leased = _leased(table, pks)
    try:
        entries, may_fill = loading.load_many(table, pks)
        if leased:
            with contextlib.suppress(CacheUnavailable):
                filled = table.slots.fill(lease, {pk: entries[pk] if may_fill else None for pk in leased})
                if may_fill:
                    stats.count(table.counts.rejected_fills, len(leased) - sum(filled))
    except _STOPPED:
        _give_back(table, lease, leased)
        raise
    return entries


def _leased(table: CachedTable, pks: Sequence[Any]) -> tuple[Lease, list[Any]]:
    """Return a lease, and the rows whose slots have it; a cache that has just gone leases none."""
    try:
        lease = table.slots.new_lease(pks)
        return lease, _take_leases(table, [pk for pk in pks if pk in lease.servers], lease)
    except CacheUnavailable:
        return Lease(b"", {}), []


def _take_leases(table: CachedTable, pks: Sequence[Any], lease: Lease) -> list[Any]:
    """Return the rows whose slots have our lease now: those that were empty, or held what another server has left."""
    found = dict(zip(pks, table.slots.take_leases(pks, lease.text), strict=True))
    leased = [pk for pk, slot in found.items() if slot is None]
    left = [pk for pk, slot in found.items() if isinstance(slot, bytes) and table.slots.is_left_behind(pk, slot)]
    if not left:
        return leased
    table.slots.drop(left, [])
    return leased + _take_leases(table, left, lease)


def _take_away(table: CachedTable, pk: Any, slot: bytes) -> None:
    """Take a lease away that has outlived our patience: the cache's clock may have been set back, and its TTL with it.

    Its holder, if it still lives, then fills nothing.
    """
    if slot_format.is_lease(slot):
        _give_back(table, Lease(slot, {}), [pk])


def _give_back(table: CachedTable, lease: Lease, pks: Sequence[Any]) -> None:
    """Let others try at once instead of waiting for a lease whose holder has failed."""
    with contextlib.suppress(CacheUnavailable):  # then it expires by itself
        if pks:
            table.slots.fill(lease, dict.fromkeys(pks))
