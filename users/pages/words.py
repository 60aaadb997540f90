"""What the pages say: how long something took, what a write did, and how to choose a pattern."""

import datetime
from typing import NamedTuple

from cachedemo import Origin, Pattern
from cachedemo.patterns.written import Written

PLACES = {Origin.CACHE: "cache", Origin.NEAR: "process", Origin.PENDING: "queue", Origin.SOURCE: "database"}

ORIGINS = {
    Origin.CACHE: "The cache had it: no question to the database.",
    Origin.NEAR: "This process had a copy of it: no question to anybody.",
    Origin.PENDING: "The database has an older value. The newest still waits in the queue, and was laid over it.",
    Origin.SOURCE: "The cache did not have it, so the database was asked.",
}

_REASONS = {
    "unique field": "the email must be unique and only the database can tell",
    "full": "the queue is full",
    "gone": "the queue has just seen this row deleted",
    "foreign": "the queue holds something foreign under this row's key",
    "If-Match": "only the database can compare and write in one step",
}


class Choice(NamedTuple):
    """One row of the table that helps to choose a pattern."""

    pattern: Pattern
    write: str
    consistency: str
    latency: str
    failure: str
    cost: str


CHOICES = [
    Choice(
        Pattern.CACHE_ASIDE,
        "The database, then the cache entry is dropped.",
        "What a write acknowledged is what every later read returns. The first of them asks the database.",
        "One trip to the database.",
        "Cache down: reads are slower, nothing is lost. Database down: writes fail, cached rows are still read.",
        "A trip for each write, and one for the first read after it.",
    ),
    Choice(
        Pattern.WRITE_THROUGH,
        "The database, then the cache entry is replaced.",
        "The same, and the first read after a write already finds it in the cache.",
        "One trip to the database, and one to the cache.",
        "Database down: the write fails and the cache stays warm. Cache down: as for cache-aside.",
        "A trip for each write; rows that nobody reads fill the cache.",
    ),
    Choice(
        Pattern.WRITE_BEHIND,
        "The queue and the cache; a flush writes the database.",
        "Reads see it at once. The database, and those who ask it directly, see it after the flush: about a second.",
        "No trip to the database: the queue's answer is enough.",
        "Database down: writes wait. Queue lost: what waited in it is lost, so it must keep its data on disk.",
        "A queue to be run with the care of a database, and a worker.",
    ),
]

ADVICE = [
    (
        Pattern.CACHE_ASIDE,
        "is the default: much is read, something is written now and then.",
    ),
    (
        Pattern.WRITE_THROUGH,
        "where a row is read right after it was written, and that read must not wait for the database.",
    ),
    (
        Pattern.WRITE_BEHIND,
        "only where the rate of writes is the bottleneck, and the database may really be a moment behind.",
    ),
]


def duration(seconds: float) -> str:
    """Return a time as people say it: 85 µs, 4.2 ms, 203 ms."""
    if seconds < 0.001:
        return f"{seconds * 1_000_000:.0f} µs"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def moment(stamp: int) -> str:
    """Return a stamp as a time of day, which it is, in microseconds."""
    if not stamp:
        return ""
    when = datetime.datetime.fromtimestamp(stamp // 1_000_000, datetime.UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}.{stamp % 1_000_000:06d} UTC"


def updated(written: Written, seconds: float, prospect: str) -> str:
    """Say what an update did; `prospect` is when the database will have what waits, in a sentence."""
    took = duration(seconds)
    if written.reason:
        return f"Saved in {took}. It went write-through, because {_REASONS.get(written.reason, written.reason)}."
    return {
        Pattern.CACHE_ASIDE: f"Saved in {took}. The database has it and the cache entry was dropped.",
        Pattern.WRITE_THROUGH: f"Saved in {took}. The database has it, and so has the cache.",
        Pattern.WRITE_BEHIND: f"Queued: acknowledged in {took}. {prospect}",
    }[written.pattern]
