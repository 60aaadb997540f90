"""What every peer does, in turns: each function returns for each side its figure, None where it has none.

What is timed goes on for some seconds and not for some rounds, so that a slow machine takes as long as a fast one.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import redis

from benchmarks.peers.side import Side
from benchmarks.peers.ycsb import WHAT
from benchmarks.peers.ycsb import operations as ycsb_operations

Sides = Sequence[Side]
Figures = dict[str, float | None]  # name of a peer -> its figure

Measure = Callable[[Sides, float], Figures]  # takes seconds

PK, MANY = 1, list(range(1, 101))
PROCESSES, READERS = 4, 50  # of a cold row
CHUNK = 500  # operations of one turn
ROWS = {"rows": 100_000}
SLOW = 0.2  # seconds to the database and back
FEWEST = 2  # rounds


class Work(NamedTuple):
    """What is measured, in which unit, and for about how many seconds in all; fixed work takes what it takes."""

    title: str
    unit: str
    seconds: float
    measure: Measure


def rounds_of(seconds: float, fewest: int = FEWEST) -> Iterator[int]:
    """Count rounds until the seconds are over, and some at least."""
    end = time.monotonic() + seconds
    for number in itertools.count():
        if number >= fewest and time.monotonic() > end:
            return
        yield number


def best(sides: Sides, seconds: float, work: Callable[[Side], float]) -> Figures:
    """Return the best of the rounds of so many seconds, in which each has its turn (see benchmarks/rounds.py)."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in rounds_of(seconds):
        for side in sides:
            times[side.name].append(work(side))
    return {name: min(taken) for name, taken in times.items()}


def warm_read(sides: Sides, seconds: float) -> Figures:
    """Microseconds of a read of one row that is cached."""
    return _micro(best(sides, seconds, lambda side: side.do("reads", [PK] * 20) / 20))


def bulk_read(sides: Sides, seconds: float) -> Figures:
    """Microseconds of a read of a hundred such rows."""
    return _micro(best(sides, seconds, lambda side: side.do("bulk", MANY, 2) / 2))


def cold_read(sides: Sides, seconds: float) -> Figures:
    """Microseconds of a read of a row that is not cached."""

    def work(side: Side) -> float:
        empty(side)
        return float(side.do("reads", MANY[:20])) / 20

    return _micro(best(sides, seconds, work))


def slow_cold_read(sides: Sides, seconds: float) -> Figures:
    """Milliseconds of such a read where each statement takes 200 ms to the database and back."""

    def work(side: Side) -> float:
        empty(side)
        return float(side.do("reads", [PK]))

    return _slowly(sides, lambda: {name: _times(figure, 1e3) for name, figure in best(sides, seconds, work).items()})


def update_then_read(sides: Sides, seconds: float) -> Figures:
    """Microseconds of an update of one field of a row that is cached, and of the read after it."""
    numbers = itertools.count()

    def work(side: Side) -> float:
        side.do("settle")
        return float(side.do("updates_and_reads", [[pk, f"name {next(numbers)}"] for pk in MANY[:10]])) / 10

    for side in sides:
        side.do("reads", MANY)
    return _micro(best(sides, seconds, work))


def stampede(sides: Sides, seconds: float) -> Figures:
    """Loads from a database 200 ms away while 200 readers in 4 processes ask for one cold row."""

    def loads(side: Side) -> float:
        side.all_do(PROCESSES, "latency", SLOW)
        empty(side)
        answers = side.all_do(PROCESSES, "stampede", PK, READERS, time.time() + 0.5)
        side.all_do(PROCESSES, "latency", 0)
        return float(sum(answers))

    return {side.name: loads(side) for side in sides}


def memory(sides: Sides, seconds: float) -> Figures:
    """Bytes by which the cache server's memory grows for each row that is read."""
    rows = list(range(1, ROWS["rows"] // 20 + 1))

    def grown(side: Side) -> float | None:
        side.do("reads", [PK])  # its connections are there
        empty(side)
        client = redis.Redis.from_url(side.cache_url)
        before = client.info("memory")["used_memory"]
        side.do("reads", rows)
        keys = client.dbsize()
        return (client.info("memory")["used_memory"] - before) / len(rows) if keys else None

    return {side.name: grown(side) for side in sides}


def empty(side: Side) -> None:
    """Throw all out that this peer has in the cache."""
    redis.Redis.from_url(side.cache_url).flushdb()


def _slowly(sides: Sides, measure: Callable[[], Figures]) -> Figures:
    for side in sides:
        side.do("latency", SLOW)
    try:
        return measure()
    finally:
        for side in sides:
            side.do("latency", 0)


def _micro(figures: Figures) -> Figures:
    return {name: _times(figure, 1e6) for name, figure in figures.items()}


def _times(figure: float | None, factor: float) -> float | None:
    return figure and figure * factor


def ycsb(workload: str) -> Measure:
    """Return the function that measures operations a second; the first half of the time warms the cache."""

    def measure(sides: Sides, seconds: float) -> Figures:
        operations = ycsb_operations(workload, ROWS["rows"])
        taken: dict[str, list[float]] = {side.name: [] for side in sides}
        for side in sides:
            empty(side)
        for _ in rounds_of(seconds, 2 * FEWEST):
            ops = list(itertools.islice(operations, CHUNK))
            for side in sides:
                taken[side.name].append(side.do("ops", ops))
        return {name: CHUNK / statistics.median(each[len(each) // 2 :]) for name, each in taken.items()}

    return measure


WORKS = {
    "warm": Work("warm read", "µs", 20, warm_read),
    "bulk": Work("100 warm rows", "µs", 20, bulk_read),
    "cold": Work("cold read", "µs", 25, cold_read),
    "slow": Work("cold read, 200 ms", "ms", 5, slow_cold_read),
    "update": Work("update, read", "µs", 45, update_then_read),
    "stampede": Work("200 readers of a cold row", "loads", 0, stampede),
    "memory": Work("a cached row", "bytes", 0, memory),
    **{f"ycsb-{name.lower()}": Work(f"YCSB {name}, {what}", "ops/s", 45, ycsb(name)) for name, what in WHAT.items()},
}
