"""What is read and flushed: counted in the process, sent once a second, kept as `stats_kept.py` says.

Counting is an addition to a list that belongs to the thread, so it takes no lock and no trip to a server. One
background thread a process adds the lists up and sends what is new in one pipeline; the server adds up the processes.

A new metric gets its number from `metric` (those of a model in `model_stats.py`), is counted with `count` where it
happens, and shown to Prometheus by `operations/metrics.py`. What the operators' overview draws is in METRICS
(`admin/overview_charts.py`). A metric with a label, as `flushed/user`, counts for the plain one too if that is there.
"""

import atexit
import contextlib
import itertools
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from cachedemo.exceptions import CachedemoError, Unavailable
from cachedemo.protocol import database_addresses, flushed_by
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.stats_kept import BY_HOURS, BY_MINUTES, BY_MODELS, Numbers
from cachedemo.servers import test_runs
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server import when_opened
from cachedemo.servers.server_errors import Error

logger = logging.getLogger(__name__)

METRICS = ("hits", "pending", "source", "flushed", "batches", "lag_ms", "retries", "near", "near_changes")
HITS, PENDING, SOURCE, FLUSHED, BATCHES, LAG_MS, RETRIES, NEAR, NEAR_CHANGES = range(len(METRICS))
TOTALS = "stats-totals"  # a hash that stays, metric -> sum over all time
INTERVAL = 1.0  # seconds between two sendings

Minute = Numbers  # metric -> sum within the minute

also_said: list[Callable[[], list[tuple[Any, ...]]]] = []  # return commands that go along each second
_BY_MINUTES_TOO = "near_delay_seconds/"  # of those with a label, what is shown of the last minutes

_local = threading.local()
_lock = threading.Lock()
_sending = threading.Lock()
_threads: list[tuple[weakref.ref[threading.Thread], list[int]]] = []
_names = list(METRICS)  # what is counted at each place; a model's own are added when it is registered
_numbers: dict[str, int] = {}  # of those that `metric` has handed out
_ended: list[int] = []  # what threads that have ended had counted
_sent: dict[str, int] = {}
_sender: threading.Thread | None = None


class Reads(NamedTuple):
    """Where the reads of one model are counted; each counts for its metric too."""

    hits: int
    pending: int
    source: int


OF_ALL_MODELS = Reads(HITS, PENDING, SOURCE)


def reads_of(model: str) -> Reads:
    """Return where to count the reads of the model with this name in its keys, the same for the same name."""
    names = [f"{metric}:{model}" for metric in METRICS[HITS : SOURCE + 1]]
    with _lock:
        if names[0] not in _names:
            _names.extend(names)
        first = _names.index(names[0])
    return Reads(first, first + 1, first + 2)


def metric(name: str) -> int:
    """Return the number of a metric, for `count`; a new one if the name is new.

    Args:
        name: with its labels behind slashes, as in `not_queued/user/full`.
    """
    with _lock:
        if name not in _numbers:
            _numbers[name] = len(_names)
            _names.append(name)
        return _numbers[name]


def count(metric: int, number: int = 1) -> None:
    """Add to a metric; costs well under a microsecond."""
    try:
        _local.counts[metric] += number
    except (AttributeError, IndexError):
        _begin()[metric] += number


def count_measured(metric: int, total: int, measured: int, number: int = 1) -> None:
    """Add a number to a metric and what was measured to its total: both at once, for a hit does it."""
    try:
        counts = _local.counts
        counts[total] += measured
    except (AttributeError, IndexError):
        counts = _begin()
        counts[total] += measured
    counts[metric] += number


def count_loaded(reads: Reads, entries: Iterable[Entry]) -> None:
    """Count reads that the cache could not answer, by where the value came from."""
    for entry in entries:
        count(reads.pending if entry.origin == "pending" else reads.source)


def _begin() -> list[int]:
    """Give this thread a list of its own, or more room in it for a model that is new, and the process its sender."""
    global _sender
    counts: list[int] | None = getattr(_local, "counts", None)
    if counts is not None:
        counts.extend([0] * (len(_names) - len(counts)))
        return counts
    counts = _local.counts = [0] * len(_names)
    begun = None
    with _lock:
        _threads.append((weakref.ref(threading.current_thread()), counts))
        if _sender is None:
            begun = _sender = threading.Thread(target=_serve, name="cachedemo-stats", daemon=True)
    if begun is not None:  # without the lock: where threads are greenlets, others run while it starts
        begun.start()
    return counts


def _serve() -> None:
    while True:
        time.sleep(INTERVAL)
        with contextlib.suppress(ImproperlyConfigured):  # there is no queue server: nobody will ask for the numbers
            try:
                send()
            except (CachedemoError, Error) as error:  # the next second brings the same numbers again
                logger.debug("Statistics wait for the queue server: %s", error)
        for role in (CACHE, QUEUE):
            # redis-py raises AttributeError for a connection that another thread closes just now
            with contextlib.suppress(CachedemoError, ImproperlyConfigured, Error, AttributeError):
                role.look_again()


def send() -> None:
    """Send what has been counted since the last time, in one round trip; nothing if there is nothing.

    Raises:
        QueueUnavailable: the numbers are kept for the next time. Were they taken and only the answer lost, they
            count twice: a second of statistics is not worth a protocol.
    """
    global _sent
    if test_runs.is_under_way():  # nobody looks at it, and it would be left behind
        return
    with _sending:
        with _lock:  # not while the server is asked: a thread that begins to count must not wait for it
            counted = _totals()
        new = {name: number - _sent.get(name, 0) for name, number in counted.items() if number > _sent.get(name, 0)}
        said = [command for say in also_said for command in say()]
        if not new and not said:
            return
        ever = [("HINCRBY", ours(TOTALS), name, number) for name, number in new.items()]
        charted = {name: number for name, number in new.items() if "/" not in name}
        of_models = {name: number for name, number in charted.items() if ":" in name}
        of_all = {name: n for name, n in new.items() if name not in of_models and _is_of_minutes(name)}
        kept = [*BY_MINUTES.add(of_all), *BY_MODELS.add(of_models), *BY_HOURS.add(charted)]
        own = flushed_by.to_say(new["flushed"]) if "flushed" in new else []
        all_raised(QUEUE.pipeline([*kept, *ever, *own, *said, *database_addresses.to_say()]))
        _sent = counted


def _is_of_minutes(name: str) -> bool:
    return "/" not in name or name.startswith(_BY_MINUTES_TOO)


def totals() -> dict[str, int]:
    """Return what all processes have ever counted: metric -> sum."""
    return {name.decode(): int(number) for name, number in QUEUE.command("HGETALL", ours(TOTALS)).items()}


def _totals() -> dict[str, int]:
    """Add up the threads; those that have ended count no further and are let go.

    The reads of a model count as reads of all models too.
    """
    global _ended
    alive = []
    for thread, counts in _threads:
        owner = thread()
        if owner is not None and owner.is_alive():
            alive.append((thread, counts))
        else:
            _ended = _sum([_ended, counts])
    _threads[:] = alive
    found: dict[str, int] = {}
    for name, number in zip(_names, _sum([_ended, *(counts for _, counts in alive)]), strict=False):
        metric = re.split("[:/]", name, maxsplit=1)[0]
        for of in (metric, name) if metric != name and metric in METRICS else (name,):
            found[of] = found.get(of, 0) + number
    return found


def _sum(lists: Iterable[list[int]]) -> list[int]:
    """Add up lists, of which one that was begun earlier may be shorter."""
    return [sum(column) for column in itertools.zip_longest(*lists, fillvalue=0)]


def gauge(values: Mapping[str, float]) -> None:
    """Note levels, such as memory, for this minute and hour; the last one counts."""
    all_raised(QUEUE.pipeline([*BY_MINUTES.add(values, "HSET"), *BY_HOURS.add(values, "HSET")]))


def bucket(hour: int) -> str:
    return BY_MINUTES.key(hour)


def queries(minutes: int, now: float) -> list[tuple[str, str]]:
    """Return the commands that fetch the last so many minutes, for somebody's pipeline."""
    return BY_MINUTES.queries(minutes, now)


def by_minute(answers: Iterable[Any], minutes: int, now: float) -> dict[int, Minute]:
    """Return minute since the epoch -> metric -> sum, from the answers to `queries`; every minute is there."""
    return BY_MINUTES.of_answers(answers, minutes, now)


def _forget() -> None:
    """A forked child counts from zero: what its parent has counted is the parent's to send."""
    global _local, _lock, _sending, _threads, _ended, _sent, _sender
    _local, _lock, _sending, _threads, _sender = threading.local(), threading.Lock(), threading.Lock(), [], None
    _ended, _sent = [], {}


def _send_the_last() -> None:
    with contextlib.suppress(Unavailable, ImproperlyConfigured):
        send()


def _count_opened(role: str) -> None:
    count(metric(f"breaker_opened/{role}"))


when_opened.append(_count_opened)
os.register_at_fork(after_in_child=_forget)
atexit.register(_send_the_last)
