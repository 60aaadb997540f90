"""The audit: do cache and source agree at rest? What a slot holds against the newer of pending and row.

A slot that differs is looked at again after a second, because a write may have been under way. What still differs then
is drift: a write that went past cachedemo without `evict`, or a bug.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cachedemo.model_cache import ModelCache
from cachedemo.operations import keyspace
from cachedemo.protocol import database, slots
from cachedemo.protocol.entries import Entry
from cachedemo.servers.roles import CACHE

logger = logging.getLogger(__name__)

BATCH = 500  # slots compared at once
SECOND_LOOK = 1.0  # seconds
_TRIES = 20  # random keys drawn for each one wanted, at most: other keys live in the database too


class Drift(NamedTuple):
    """One row whose slot and source disagree: the JSON of each, None for "no such row"."""

    pk: Any
    cached: bytes | None
    source: bytes | None

    @property
    def fields(self) -> list[str]:
        """The names of the fields that differ; none where one side has no such row, or cannot be read."""
        try:
            cached, source = keyspace.decoded(self.cached or b"{}"), keyspace.decoded(self.source or b"{}")
        except ValueError:
            return []
        return sorted(name for name in cached.keys() & source.keys() if cached[name] != source[name])


class Report(NamedTuple):
    """What an audit found.

    Attributes:
        looked_at: slots compared.
        drifts: those that disagree.
        repaired: how many of them were emptied.
        odd_stamps: rows whose `cache_stamp` no queue can have handed out; 0 where only a sample was looked at.
    """

    looked_at: int
    drifts: list[Drift]
    repaired: int
    odd_stamps: int = 0


def audit(
    cache: ModelCache,
    sample: int | None = None,
    repair: bool = False,
    progress: Callable[[int], None] = lambda looked_at: None,
) -> Report:
    """Compare slots with the source.

    Args:
        sample: how many slots, drawn at random; None looks at all, with SCAN.
        repair: empty the slots that disagree, in every live version.
        progress: called with the number of slots looked at so far.

    Raises:
        Unavailable: a server gave no answer.
    """
    looked_at, suspects = 0, []
    for batch in _batches(_drawn(cache, sample) if sample else _all(cache)):
        looked_at += len(batch)
        suspects += [drift.pk for drift in _differing(cache, batch)]
        progress(looked_at)
    drifts = _still_differing(cache, suspects)
    if repair and drifts:
        cache.evict([drift.pk for drift in drifts])
    for drift in drifts:
        where = ", ".join(drift.fields) or "all of it"  # by name only: a log is no place for people's data
        logger.warning("Drift: %s and the source differ in %s.", cache.table.slots.key(drift.pk), where)
    odd = 0 if sample else database.improper_stamps(cache.table)
    return Report(looked_at, drifts, len(drifts) if repair else 0, odd)


def _still_differing(cache: ModelCache, suspects: list[Any]) -> list[Drift]:
    if not suspects:
        return []
    time.sleep(SECOND_LOOK)
    return [drift for batch in _batches(iter(suspects)) for drift in _differing(cache, batch)]


def _differing(cache: ModelCache, pks: list[Any]) -> list[Drift]:
    """Look at the slots before the source: a write between the two looks like drift, never the other way round."""
    cached = {
        pk: entry for pk, slot in zip(pks, cache.table.slots.get_many(pks), strict=True) if (entry := _value(slot))
    }
    pending, _ = cache.table.queue.pending(list(cached), cache.table.slots.version) if cached else ([], None)
    rows = database.select_many(cache.table, list(cached)) if cached else {}
    drifts = []
    for (pk, entry), fields in zip(cached.items(), pending, strict=True):
        stamp, values = rows.get(pk, (0, None))
        expected = cache.table.codec.overlay(values, stamp, fields)
        if not _agree(cache, entry, expected):
            drifts.append(Drift(pk, entry.body, expected.body))
    return drifts


def _value(slot: bytes | None) -> Entry | None:
    """Return what a V or an N holds; a mark says itself that a write is under way."""
    return slots.held(slot) if slot and slot[:1] in (b"V", b"N") else None


def _agree(cache: ModelCache, cached: Entry, expected: Entry) -> bool:
    if cached.body is None or expected.body is None:
        return cached.body == expected.body
    try:
        return cache.table.codec.decode(cached.body) == cache.table.codec.decode(expected.body)
    except ValueError:
        return False


def _batches(pks: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for pk in pks:
        batch.append(pk)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _all(cache: ModelCache) -> Iterator[Any]:
    cursor = 0
    while True:
        cursor, keys = CACHE.command("SCAN", cursor, "MATCH", f"{cache.table.slots.prefix}*", "COUNT", BATCH)
        yield from _pks(cache, keys)
        if int(cursor) == 0:
            return


def _drawn(cache: ModelCache, sample: int) -> Iterator[Any]:
    keys: set[bytes] = set()
    for _ in range(_TRIES):
        keys |= {key for key in CACHE.pipeline([("RANDOMKEY",)] * sample) if isinstance(key, bytes)}
        ours = list(_pks(cache, keys))
        if len(ours) >= sample:
            break
    return iter(ours[:sample])


def _pks(cache: ModelCache, keys: Any) -> Iterator[Any]:
    prefix = cache.table.slots.prefix.encode()
    for key in keys:
        pk = key[len(prefix) :].decode(errors="replace")
        if key.startswith(prefix) and cache.table.codec.is_pk(pk):
            yield cache.table.codec.to_pk(pk)
