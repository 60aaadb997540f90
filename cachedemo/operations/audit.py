"""The audit: do cache and database agree at rest? What a slot holds against the newer of pending and row.

A slot that differs is looked at again after a second, because a write may have been under way, and is left out while
its writer is owed and does not count as dead. What differs besides is drift: a write that went past cachedemo without
`evict`, or a bug.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cachedemo.model_cache import ModelCache
from cachedemo.operations import cached_rows, keyspace
from cachedemo.protocol import database, events, loading, slot_kinds, stats
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.error_descriptions import one_line

logger = logging.getLogger(__name__)

BATCH = 500  # slots compared in one go
SECOND_LOOK = 1.0  # seconds


class Drift(NamedTuple):
    """One row whose slot and database disagree: the JSON of each, None for "no such row"."""

    pk: Any
    cached: bytes | None
    expected: bytes | None  # the row of the database, and over it what waits

    @property
    def fields(self) -> list[str]:
        """The names of the fields that differ; none where one side has no such row, or cannot be read."""
        try:
            cached, expected = keyspace.decoded(self.cached or b"{}"), keyspace.decoded(self.expected or b"{}")
        except ValueError:
            return []
        return sorted(name for name in cached.keys() & expected.keys() if cached[name] != expected[name])


class Report(NamedTuple):
    """What an audit found.

    Attributes:
        looked_at: slots compared.
        drifts: those that disagree.
        odd_stamps: rows whose `cache_stamp` no queue can have handed out; 0 where only a sample was looked at.
    """

    looked_at: int
    drifts: list[Drift]
    odd_stamps: int = 0


def audit(
    cache: ModelCache,
    sample: int | None = None,
    progress: Callable[[int], None] = lambda looked_at: None,
) -> Report:
    """Compare slots with the database; what differs is logged and returned, and stays as it is.

    Args:
        sample: how many slots, drawn at random; None looks at all, with SCAN.
        progress: called with the number of slots looked at so far.

    Raises:
        Unavailable: a server gave no answer.
    """
    looked_at, suspects = 0, []
    for batch in _batches(cached_rows.drawn(cache, sample) if sample else cached_rows.every(cache)):
        looked_at += len(batch)
        suspects += [drift.pk for drift in _differing(cache, batch)]
        progress(looked_at)
    drifts = _still_differing(cache, suspects)
    stats.count(cache.table.counts.audited, looked_at)
    events.drift(cache.table, [drift.pk for drift in drifts])
    for drift in drifts:
        where = ", ".join(drift.fields) or "all of it"  # by name only: people's data does not belong in a log
        logger.warning("Drift: %s and the database differ in %s.", one_line(cache.table.slots.key(drift.pk)), where)
    odd = 0 if sample else database.improper_stamps(cache.table)
    return Report(looked_at, drifts, odd)


def repair(cache: ModelCache, drifts: Sequence[Drift]) -> int:
    """Empty the slots that disagree, in every live version; return how many rows that were."""
    if drifts:
        cache.evict([drift.pk for drift in drifts])
    return len(drifts)


def _still_differing(cache: ModelCache, suspects: list[Any]) -> list[Drift]:
    if not suspects:
        return []
    time.sleep(SECOND_LOOK)
    queue = cache.table.queue
    written = queue.written_now()
    drifts = [drift for batch in _batches(iter(suspects)) for drift in _differing(cache, batch)]
    written |= queue.written_now() if drifts else set()
    return [drift for drift in drifts if str(drift.pk) not in written]


def _differing(cache: ModelCache, pks: list[Any]) -> list[Drift]:
    """Look at the slots before the database: a write between the two looks like drift, never the other way round."""
    found = cache.table.slots.get_many(pks)
    cached = {pk: entry for pk, slot in zip(pks, found, strict=True) if (entry := _value(cache, pk, slot))}
    pending, _ = cache.table.queue.pending(list(cached), cache.table.slots.version) if cached else ([], None)
    waiting = dict(zip(cached, pending, strict=True))
    rows = loading.select_rows(cache.table, list(cached), waiting) if cached else {}
    drifts = []
    for pk, entry in cached.items():
        expected = loading.shown(cache.table, rows.get(pk), waiting[pk])
        if not _agree(cache, entry, expected):
            drifts.append(Drift(pk, entry.body, expected.body))
    return drifts


def _value(cache: ModelCache, pk: Any, slot: bytes | None) -> Entry | None:
    """Return what a value or a "missing" holds; a mark says itself that a write is under way."""
    is_one = slot and slot_kinds.kind_of(slot) in (slot_kinds.VALUE, slot_kinds.MISSING)
    return cache.table.slots.held(pk, slot) if slot and is_one else None


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
