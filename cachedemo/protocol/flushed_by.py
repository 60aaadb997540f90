"""Which worker has flushed how much lately, kept on the queue server for the operators: an hour, and no longer.

Said once a second with the other statistics (`stats.py`), and only by processes that have flushed.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo.protocol.batch_owner import process_name
from cachedemo.servers.key_prefix import ours

LAST = "stats-by"  # sorted set, worker -> when it last flushed, in seconds since the epoch
KEPT = 3600  # seconds that a worker is remembered after its last flush
MINUTES = 2  # the one under way and the one before: a rate is of these


class Flushes(NamedTuple):
    """What one worker has flushed: when last (seconds since the epoch), and how many rows a second of late."""

    last: float
    rows_a_second: float


def to_say(rows: int) -> list[tuple[Any, ...]]:
    """Return the commands that note so many rows as flushed by this process, for somebody's pipeline."""
    now, worker = time.time(), process_name()
    counted = _rows_of(int(now) // 60)
    last = ours(LAST)
    return [
        ("ZADD", last, now, worker),
        ("ZREMRANGEBYSCORE", last, "-inf", now - KEPT),
        ("EXPIRE", last, KEPT),
        ("HINCRBY", counted, worker, rows),
        ("EXPIRE", counted, 60 * (MINUTES + 1)),
    ]


def _rows_of(minute: int) -> str:
    """Return the key of a hash, worker -> rows flushed within a minute since the epoch."""
    return ours(f"{LAST}:{minute}")


def queries(now: float) -> list[tuple[Any, ...]]:
    """Return the commands whose answers `of_answers` takes, for somebody's pipeline."""
    minute = int(now) // 60
    rows = [("HGETALL", _rows_of(minute - back)) for back in range(MINUTES)]
    return [("ZRANGEBYSCORE", ours(LAST), now - KEPT, "+inf", "WITHSCORES"), *rows]


def of_answers(answers: Sequence[Any], now: float) -> dict[str, Flushes]:
    """Return what each worker has flushed, from the answers to `queries`."""
    last, *counted = answers
    seconds = 60 * (MINUTES - 1) + now % 60
    rows: dict[bytes, int] = {}
    for minute in counted:
        for worker, number in (minute or {}).items():
            rows[worker] = rows.get(worker, 0) + int(number)
    return {worker.decode(): Flushes(float(at), rows.get(worker, 0) / seconds) for worker, at in last or []}
