"""Reads while the cache is dead, and while it sleeps, against the database alone.

The other side is the row as a `QuerySet` gets it. Ours asks the queue what waits for the row, which a read must know,
and then reads the row as well. Of every read the difference to the source's usual time is taken, and of these the worst
of a hundred: once the breaker is open nobody may wait for the cache. A server that sleeps (SIGSTOP) is the harder case:
a read that asks it waits until a timeout.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result

LIMIT = 2_000  # µs
TURNS, TURNS_QUICK = 50, 10  # so many that somebody looks several times whether the cache is back
TURN = 0.1  # seconds


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    bench.cache.kill()
    try:
        yield from _reads(bench, "dead")
    finally:
        bench.cache.start()
        _until_closed()
    assert bench.cache.pid
    os.kill(bench.cache.pid, signal.SIGSTOP)
    try:
        yield from _reads(bench, "asleep")
    finally:
        os.kill(bench.cache.pid, signal.SIGCONT)
        _until_closed()


def _reads(bench: Bench, how: str) -> Iterator[Result]:
    from users.models import User

    _until_open(bench.users)
    through = _times(bench, f"reads, the cache {how}", lambda: bench.users.get(1))
    alone = _times(bench, "the source alone", lambda: User.objects.get(pk=1))
    usual = statistics.median(alone)
    beyond, same = _worst_of_a_hundred(through) - usual, _worst_of_a_hundred(alone) - usual
    what = f"users.get(1), cache {how}, beyond source, p99"
    yield Result(what, beyond * 1e6, "the source itself", same * 1e6, "µs", limit=LIMIT)


def _until_open(users: Any) -> None:
    from cachedemo.servers.roles import CACHE

    while CACHE.breaker.state == "closed":
        users.read(1)


def _until_closed() -> None:
    from cachedemo.servers.roles import CACHE

    while CACHE.breaker.state != "closed":
        time.sleep(0.05)


def _times(bench: Bench, what: str, read: Callable[[], Any]) -> list[float]:
    times = []
    for _ in bench.track(what, range(bench.times(TURNS, TURNS_QUICK))):
        end = time.perf_counter() + TURN
        while (started := time.perf_counter()) < end:
            read()
            times.append(time.perf_counter() - started)
    return times


def _worst_of_a_hundred(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
