"""Ever more rows in the cache: how long a read of any of them takes, and what each takes of the memory."""

import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.growth.growth import Growth
from benchmarks.rows import insert

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CHUNK = 5_000
TIMEOUT = 3_600  # seconds, so that no row expires meanwhile
READS, ROUNDS = 200, 25


def measure(bench: Bench) -> Iterator[Growth]:
    from users.models import User

    sizes = SIZES[:3] if bench.quick else SIZES
    reads, memory = {}, {}
    bench.bare_cache().config_set("maxmemory", 0)
    bench.users.table.slots.timeout = TIMEOUT
    bench.start_empty()
    insert(User, 10_001, sizes[-1])
    bench.users.warm(range(1, CHUNK + 1))  # so that what a connection takes is not counted
    bench.start_empty()
    before, cached = _memory(bench), 0
    for size in sizes:
        warming = _warm(bench, cached + 1, size)
        cached = size
        reads[size] = _read(bench, size)
        memory[size] = (_memory(bench) - before) / 1e6, (_memory(bench) - before) / size, warming
    first, some = sizes[:2]  # the first is small beside what the server has anyway
    yield Growth(
        "growth-reads", "rows in the cache", "A warm read of one of so many rows", "µs",
        ["µs a read"], {size: [figure] for size, figure in reads.items()},
        dict.fromkeys(sizes, reads[first]), "the same as of 1,000",
    )  # fmt: skip
    yield Growth(
        "growth-memory", "rows in the cache", "Memory of so many cached rows", "MB",
        ["MB", "bytes a row", "rows a second while they are warmed"], memory,
        {size: memory[some][0] * size / some for size in sizes}, "in proportion", log=False,
    )  # fmt: skip


def _warm(bench: Bench, first: int, last: int) -> float:
    """Return how many rows a second were put into the cache."""
    started = time.perf_counter()
    for start in bench.track(f"{last:,} rows into the cache", range(first, last + 1, CHUNK)):
        bench.users.warm(range(start, min(start + CHUNK, last + 1)))
    if (cached := bench.bare_cache().dbsize()) < last:  # a busy server has not answered in time
        raise SystemExit(f"Of {last:,} rows {cached:,} are in the cache: the machine is too busy for this.")
    return (last + 1 - first) / (time.perf_counter() - started)


def _read(bench: Bench, size: int) -> float:
    """Return microseconds of a read, in the best round of rows drawn by chance."""
    draw, users, best = random.Random(size), bench.users, float("inf")
    for _ in range(ROUNDS):
        pks: list[Any] = [draw.randint(1, size) for _ in range(READS)]
        started = time.perf_counter()
        for pk in pks:
            users.read(pk)
        best = min(best, (time.perf_counter() - started) / READS)
    return best * 1e6


def _memory(bench: Bench) -> float:
    return float(bench.bare_cache().info("memory")["used_memory"])
