"""What the pages say: how long something took, what a write did, and how to choose a pattern."""

import datetime
from typing import NamedTuple

from cachedemo import Entry, Origin, Pattern
from cachedemo.patterns.written import Written

PLACES = {Origin.CACHE: "cache", Origin.NEAR: "process", Origin.PENDING: "queue", Origin.SOURCE: "database"}

ORIGINS = {
    Origin.CACHE: "The cache had it: no question to the database.",
    Origin.NEAR: "This process had a copy of it: no question to anybody.",
    Origin.PENDING: "The database has an older value. The newest still waits in the queue, and was laid over it.",
    Origin.SOURCE: "The cache did not have it, so the database was asked.",
}
ASKED_PAST_THE_CACHE = "The cache server does not answer, so the database was asked."

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
        "Cache down: reads are slower, nothing is lost. Database down: writes fail, cached rows are still read. Queue "
        "down: cached rows are still read, all else is refused, unless the model is registered without a queue.",
        "A trip for each write, and one for the first read after it.",
    ),
    Choice(
        Pattern.WRITE_THROUGH,
        "The database, then the cache entry is replaced.",
        "The same, and the first read after a write already finds it in the cache.",
        "One trip to the database, and one to the cache.",
        "Database down: the write fails and the cache stays warm. Cache down, queue down: as for cache-aside.",
        "A trip for each write; rows that nobody reads fill the cache.",
    ),
    Choice(
        Pattern.WRITE_BEHIND,
        "The queue and the cache; a flush writes the database.",
        "Reads see it at once. The database, and those who ask it directly, see it after the flush: about a second.",
        "No trip to the database if the cache has the row: the queue's answer is enough.",
        "Cache down: each write reads the row from the database first. Database down: writes of cached rows are "
        "acknowledged and wait in the queue. Queue down: cached rows are still read, all else is refused. Queue lost: "
        "what waited in it is lost, so it must keep its data on disk.",
        "A queue to be run with the care of a database, and a worker.",
    ),
]

ADVICE = [
    (
        Pattern.CACHE_ASIDE,
        "is the default: much is read, something is written now and then; a profile page, a product.",
    ),
    (
        Pattern.WRITE_THROUGH,
        "where a row is read right after it was written, and that read must not wait for the database; a basket.",
    ),
    (
        Pattern.WRITE_BEHIND,
        "only where the rate of writes is the bottleneck, and the database may really be a moment behind; a counter of "
        "views.",
    ),
]


def duration(seconds: float) -> str:
    """Return a time as people say it: 85 µs, 4.2 ms, 203 ms."""
    if seconds < 0.001:
        return f"{seconds * 1_000_000:.0f} µs"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def origin(entry: Entry, cache_answers: bool) -> str:
    """Say why a read came from where it did."""
    past = entry.origin is Origin.SOURCE and not cache_answers
    return ASKED_PAST_THE_CACHE if past else ORIGINS[entry.origin]


def moment(stamp: int) -> str:
    """Return a stamp as a time of day, which it is, in microseconds."""
    if not stamp:
        return ""
    when = datetime.datetime.fromtimestamp(stamp // 1_000_000, datetime.UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}.{stamp % 1_000_000:06d} UTC"


def updated(written: Written, seconds: float) -> str:
    """Say what an update did. When the database will have what waits is said where it can change."""
    took = duration(seconds)
    if written.reason:
        return f"Saved in {took}. It went write-through, because {_REASONS.get(written.reason, written.reason)}."
    return {
        Pattern.CACHE_ASIDE: f"Saved in {took}. The database has it and the cache entry was dropped.",
        Pattern.WRITE_THROUGH: f"Saved in {took}. The database has it, and so has the cache.",
        Pattern.WRITE_BEHIND: f"Queued: acknowledged in {took}, when the queue had it.",
    }[written.pattern]
