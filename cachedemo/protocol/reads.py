"""Reads: the same in all three patterns. A slot is loaded by whoever holds its lease; the others wait."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.protocol import database, slots, stats
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05  # seconds between two looks at somebody else's lease


def find(cache: "ModelCache", pk: Any) -> Entry:
    """Return the row as no older than any write acknowledged before; its body is None if there is no row."""
    if not (cache.announced or _announce(cache)):
        return _from_source(cache, pk)[0]
    try:
        slot = cache.slots.get(pk)
        if slot is not None and (entry := slots.held(slot)) and not _ours(cache, slot):
            stats.count(stats.HITS)
            return entry
        return _load(cache, pk)
    except CacheUnavailable:
        return _from_source(cache, pk)[0]


def find_values(cache: "ModelCache", pk: Any) -> tuple[Entry, Values]:
    """Return the entry and what is in its body; a slot with JSON that is not ours is thrown out and loaded again.

    Raises:
        DoesNotExist: there is no such row.
    """
    entry = find(cache, pk)
    if entry.body is None:
        raise cache.missing(pk)
    try:
        return entry, cache.codec.decode(entry.body)
    except ValueError:
        return _find_past(cache, pk)


def _find_past(cache: "ModelCache", pk: Any) -> tuple[Entry, Values]:
    """Throw the slot out, and read what is under it: from the source if the cache does not answer any more."""
    try:
        cache.slots.discard(pk)
    except CacheUnavailable:
        entry, _ = _from_source(cache, pk)
    else:
        entry = find(cache, pk)
    if entry.body is None:
        raise cache.missing(pk)
    return entry, cache.codec.decode(entry.body)


def find_with_ttl(cache: "ModelCache", pk: Any) -> Entry:
    """Do the same, and tell how long the slot that answered still has to live."""
    if cache.announced:
        try:
            slot, ttl = cache.slots.get_with_ttl(pk)
        except CacheUnavailable:
            return _from_source(cache, pk)[0]
        if slot is not None and (entry := slots.held(slot)) and not _ours(cache, slot):
            stats.count(stats.HITS)
            return entry._replace(ttl=ttl)
    return find(cache, pk)


def find_many(cache: "ModelCache", pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return an entry for each row asked for, in a fixed number of round trips; foreign leases are not waited for."""
    if not (cache.announced or _announce(cache)):
        return _many_from_source(cache, pks)[0]
    try:
        found = cache.slots.get_many(pks)
        entries = {
            pk: entry
            for pk, slot in zip(pks, found, strict=True)
            if slot and (entry := slots.held(slot)) and not _ours(cache, slot)
        }
        stats.count(stats.HITS, len(entries))
        if len(entries) < len(pks):
            entries |= _load_many(cache, [pk for pk in pks if pk not in entries])
        return entries
    except CacheUnavailable:
        return _many_from_source(cache, pks)[0]


def _announce(cache: "ModelCache") -> bool:
    """Announce our version; return whether its slots may be trusted, because every writer now sees to them."""
    try:
        cache.announce()
    except QueueUnavailable:
        if conf.get("STRICT_READS"):
            raise
    return bool(cache.announced)


def _ours(cache: "ModelCache", slot: bytes) -> bool:
    """Whether the slot may hide what the transaction under way has written itself."""
    return slot[:1] == b"T" and database.in_transaction(cache.using)


def _load(cache: "ModelCache", pk: Any) -> Entry:
    """Load an empty slot under a lease of our own, or wait for what the holder of somebody else's puts there."""
    if database.in_transaction(cache.using):
        return _from_source(cache, pk)[0]
    lease = b"L" + slots.token().encode()
    pause, patience = FIRST_PAUSE, time.monotonic() + cache.lease_timeout
    while True:
        slot = cache.slots.take_lease(pk, lease)
        if slot is None:
            return _fill(cache, pk, lease)
        if entry := slots.held(slot):
            stats.count(stats.HITS)
            return entry
        if cache.slots.discard_malformed(pk, slot):
            continue
        if not slots.is_lease(slot) or time.monotonic() > patience:
            return _from_source(cache, pk)[0]
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _fill(cache: "ModelCache", pk: Any, lease: bytes) -> Entry:
    try:
        entry, may_fill = _from_source(cache, pk)
    except Exception:
        _give_back(cache, lease, [pk])
        raise
    try:
        [filled] = cache.slots.fill(lease, {pk: entry if may_fill else None})
    except CacheUnavailable:
        return entry
    return entry._replace(slot=slots.slot_of(entry)) if filled else entry


def _load_many(cache: "ModelCache", pks: Sequence[Any]) -> dict[Any, Entry]:
    if database.in_transaction(cache.using):
        return _many_from_source(cache, pks)[0]
    lease = b"L" + slots.token().encode()
    leased = [pk for pk, found in zip(pks, cache.slots.take_leases(pks, lease), strict=True) if found is None]
    try:
        entries, may_fill = _many_from_source(cache, pks)
    except Exception:
        _give_back(cache, lease, leased)
        raise
    if leased:
        cache.slots.fill(lease, {pk: entries[pk] if may_fill else None for pk in leased})
    return entries


def _give_back(cache: "ModelCache", lease: bytes, pks: Sequence[Any]) -> None:
    """Let others try at once instead of waiting for a lease whose holder has failed."""
    try:
        if pks:
            cache.slots.fill(lease, dict.fromkeys(pks))
    except CacheUnavailable:
        pass  # it expires by itself


def _from_source(cache: "ModelCache", pk: Any) -> tuple[Entry, bool]:
    """Return the row with what waits for it, and whether it may fill a slot."""
    entries, may_fill = _many_from_source(cache, [pk])
    return entries[pk], may_fill


def _many_from_source(cache: "ModelCache", pks: Sequence[Any]) -> tuple[dict[Any, Entry], bool]:
    """Ask for what is pending BEFORE the rows: a flush between the two shows up in the rows, never in neither."""
    pending, may_fill = _pending(cache, pks)
    if len(pks) == 1:
        rows = {pks[0]: row} if (row := database.select(cache, pks[0])) else {}
    else:
        rows = database.select_many(cache, pks)
    entries = {}
    for pk, fields in zip(pks, pending, strict=True):
        stamp, values = rows.get(pk, (0, None))
        entries[pk] = cache.codec.overlay(values, stamp, fields)
    stats.count_loaded(entries.values())
    return entries, may_fill


def _pending(cache: "ModelCache", pks: Sequence[Any]) -> tuple[list[Any], bool]:
    try:
        pending, announced = cache.queue_of_writes.pending(pks, cache.slots.version)
    except QueueUnavailable:
        if conf.get("STRICT_READS"):
            raise
        return [{} for _ in pks], False  # an acknowledged value may be waiting there: fill nothing
    if announced is None or announced != cache.announced:
        cache.announced = None  # our version was retired meanwhile: announce it again before the next fill
        return pending, False
    return pending, True
