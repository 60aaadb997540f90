"""What was read and flushed in the last minutes, and what waits now: the numbers of the overview, in one look."""

import time
from typing import NamedTuple

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.operations import pause
from cachedemo.protocol import model_stats, stats
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import QUEUE

MOST_MINUTES = 24 * 60  # so long are they kept


class Queue(NamedTuple):
    """What waits in one queue now.

    Attributes:
        waiting: rows, dead letters included.
        oldest_seconds: how long the oldest write in line has waited.
        owed: slots that somebody must empty.
        note: why nothing is flushed, empty if it is.
    """

    name: str
    waiting: int
    oldest_seconds: float
    dead_letters: int
    owed: int
    note: str


class Summary(NamedTuple):
    """What all processes have done within so many minutes.

    Attributes:
        hit_ratio: of the reads, those that the cache or a copy in a process answered; None if there were none.
        lag_seconds: the mean over the batches, of how long the oldest row of each had waited.
    """

    minutes: int
    reads: int
    hits: int
    hit_ratio: float | None
    flushed: int
    batches: int
    lag_seconds: float
    retries: int
    queues: list[Queue]


def look(minutes: int) -> Summary:
    """Return what was done within the last so many minutes, and what waits. Raises QueueUnavailable."""
    now = time.time()
    by_minute = stats.by_minute(all_raised(QUEUE.pipeline(stats.queries(minutes, now))), minutes, now)

    def total(metric: str) -> int:
        return int(sum(minute.get(metric, 0) for minute in by_minute.values()))

    hits, batches = sum(map(total, model_stats.HITS)), total("batches")
    reads = sum(map(total, model_stats.READS))
    return Summary(
        minutes=minutes,
        reads=reads,
        hits=hits,
        hit_ratio=hits / reads if reads else None,
        flushed=total("flushed"),
        batches=batches,
        lag_seconds=total("lag_ms") / batches / 1000 if batches else 0.0,
        retries=total("retries"),
        queues=[_queue(cache) for cache in registry.with_queue()],
    )


def _queue(cache: ModelCache) -> Queue:
    queue = cache.table.queue
    note = "closed by cache_switch" if queue.closed() is not None else "paused" if pause.is_paused(cache) else ""
    return Queue(str(cache.queue), queue.depth(), queue.lag(), queue.dead_count(), queue.owed()[0], note)
