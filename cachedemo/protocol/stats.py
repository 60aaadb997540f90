"""What is read and flushed: counted in the process, sent once a second, kept by the minute for a day.

Counting is an addition to a list that belongs to the thread, so it takes no lock and no trip to a server. One
background thread a process adds the lists up and sends what is new in one pipeline; the server adds up the processes.

`{cachedemo}:stats:<hour>` is a hash on the queue server, `<minute>:<metric>` -> number.

A new metric is added to METRICS here, counted with `count` where it happens, and shown to Prometheus by
`operations/metrics.py`, on the operators' overview by `admin/overview_charts.py`.
"""

import atexit
import contextlib
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from cachedemo.exceptions import CachedemoError, Unavailable
from cachedemo.protocol import database_addresses, flushed_by
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.waiting import Claim
from cachedemo.protocol.waiting_fields import oldest_stamp
from cachedemo.servers import test_runs
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.pipeline_answers import all_raised
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error

logger = logging.getLogger(__name__)

METRICS = ("hits", "pending", "source", "flushed", "batches", "lag_ms", "retries")
HITS, PENDING, SOURCE, FLUSHED, BATCHES, LAG_MS, RETRIES = range(len(METRICS))
TOTALS = "stats-totals"  # a hash that stays, metric -> sum over all time
INTERVAL = 1.0  # seconds between two sendings
KEPT = 25 * 3600  # seconds: a day, and the hour that is under way

Minute = dict[str, float]  # metric -> sum within the minute

_local = threading.local()
_lock = threading.Lock()
_sending = threading.Lock()
_threads: list[tuple[weakref.ref[threading.Thread], list[int]]] = []
_ended = [0] * len(METRICS)  # what threads that have ended had counted
_sent = [0] * len(METRICS)
_sender: threading.Thread | None = None


def count(metric: int, number: int = 1) -> None:
    """Add to a metric; costs well under a microsecond."""
    try:
        _local.counts[metric] += number
    except AttributeError:
        _begin()[metric] += number


def count_loaded(entries: Iterable[Entry]) -> None:
    """Count reads that the cache could not answer, by where the value came from."""
    for entry in entries:
        count(PENDING if entry.origin == "pending" else SOURCE)


def count_flush(claims: Iterable[Claim]) -> None:
    """Count a flushed batch: its rows, and how long the oldest of them had waited."""
    rows = [claim.fields.values() for claim in claims if claim.fields]
    if rows:
        oldest = min(map(oldest_stamp, itertools.chain(*rows)))
        count(FLUSHED, len(rows))
        count(BATCHES)
        count(LAG_MS, max(0, int(time.time() * 1000) - oldest // 1000))


def _begin() -> list[int]:
    """Give this thread a list of its own, and the process its sender."""
    global _sender
    counts = _local.counts = [0] * len(METRICS)
    with _lock:
        _threads.append((weakref.ref(threading.current_thread()), counts))
        if _sender is None:
            _sender = threading.Thread(target=_serve, name="cachedemo-stats", daemon=True)
            _sender.start()
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
            with contextlib.suppress(CachedemoError, ImproperlyConfigured, Error):
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
        new = {name: now - sent for name, now, sent in zip(METRICS, counted, _sent, strict=True) if now > sent}
        if not new:
            return
        hour, minute = divmod(int(time.time()) // 60, 60)
        key = bucket(hour)
        by_minute = [("HINCRBY", key, f"{minute}:{name}", n) for name, n in new.items()]
        ever = [("HINCRBY", ours(TOTALS), name, n) for name, n in new.items()]
        own = flushed_by.to_say(new["flushed"]) if "flushed" in new else []
        all_raised(QUEUE.pipeline([*by_minute, *ever, _expire(key), *own, *database_addresses.to_say()]))
        _sent = counted


def totals() -> dict[str, int]:
    """Return what all processes have ever counted: metric -> sum."""
    return {name.decode(): int(number) for name, number in QUEUE.command("HGETALL", ours(TOTALS)).items()}


def _totals() -> list[int]:
    """Add up the threads; those that have ended count no further and are let go."""
    alive = []
    for thread, counts in _threads:
        owner = thread()
        if owner is not None and owner.is_alive():
            alive.append((thread, counts))
        else:
            _ended[:] = [a + b for a, b in zip(_ended, counts, strict=True)]
    _threads[:] = alive
    return [sum(column) for column in zip(_ended, *(counts for _, counts in alive), strict=True)]


def gauge(values: Mapping[str, float]) -> None:
    """Note levels, such as memory, for this minute; the last one counts."""
    hour, minute = divmod(int(time.time()) // 60, 60)
    key = bucket(hour)
    levels = [part for name, value in values.items() for part in (f"{minute}:{name}", value)]
    all_raised(QUEUE.pipeline([("HSET", key, *levels), _expire(key)]))


def bucket(hour: int) -> str:
    return ours(f"stats:{hour}")


def _expire(key: str) -> tuple[Any, ...]:
    return ("EXPIRE", key, KEPT)


def queries(minutes: int, now: float) -> list[tuple[str, str]]:
    """Return the commands that fetch the last so many minutes, for somebody's pipeline."""
    last = int(now) // 60
    return [("HGETALL", bucket(hour)) for hour in range((last - minutes + 1) // 60, last // 60 + 1)]


def by_minute(answers: Iterable[Any], minutes: int, now: float) -> dict[int, Minute]:
    """Return minute since the epoch -> metric -> sum, from the answers to `queries`; every minute is there."""
    last = int(now) // 60
    history: dict[int, Minute] = {minute: {} for minute in range(last - minutes + 1, last + 1)}
    for hour, answer in enumerate(answers, start=(last - minutes + 1) // 60):
        for field, value in ({} if isinstance(answer, Exception) else answer).items():
            with contextlib.suppress(ValueError):  # not ours
                minute, _, name = field.decode().partition(":")
                if (at := hour * 60 + int(minute)) in history:
                    history[at][name] = float(value)
    return history


def _forget() -> None:
    """A forked child counts from zero: what its parent has counted is the parent's to send."""
    global _local, _lock, _sending, _threads, _ended, _sent, _sender
    _local, _lock, _sending, _threads, _sender = threading.local(), threading.Lock(), threading.Lock(), [], None
    _ended, _sent = [0] * len(METRICS), [0] * len(METRICS)


def _send_the_last() -> None:
    with contextlib.suppress(Unavailable, ImproperlyConfigured):
        send()


os.register_at_fork(after_in_child=_forget)
atexit.register(_send_the_last)
