"""Ever more threads in one process: warm reads, which its interpreter does one at a time, and reads of a slow database.

So warm reads should stay as many, and reads that wait for the database should grow with the threads that wait. Beside
the warm reads are bare GETs of redis-py, which is what threads do to each other whatever is read.
"""

import threading
import time
from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.growth.growth import Growth

SIZES = (1, 2, 4, 8, 16, 32, 64)
LATENCY_MS = 20
SECONDS = 2.0


def measure(bench: Bench) -> Iterator[Growth]:
    seconds = SECONDS / 4 if bench.quick else SECONDS
    bench.start_empty()
    users = bench.users
    users.warm(range(1, 1_001))
    client, key = bench.bare_cache(), users.table.slots.key
    warm = {
        size: [
            reads_a_second(size, seconds / 2, lambda number: users.read(number % 1_000 + 1)),
            reads_a_second(size, seconds / 2, lambda number: client.get(key(number % 1_000 + 1))),
        ]
        for size in SIZES
    }
    yield Growth(
        "growth-threads", "threads of one process", "Warm reads of so many threads", "reads/s",
        ["reads/s", "bare GETs/s"], warm,
        dict.fromkeys(SIZES, warm[1][0]), "as many as one thread does", drawn=2,
    )  # fmt: skip
    cold = _cold(bench, seconds)
    yield Growth(
        "growth-cold-threads", "threads of one process", f"Cold reads, the database {LATENCY_MS} ms away", "reads/s",
        ["reads/s"], {size: [figure] for size, figure in cold.items()},
        {size: size * 1000 / LATENCY_MS for size in SIZES}, f"one a thread every {LATENCY_MS} ms", log=False,
    )  # fmt: skip


def _cold(bench: Bench, seconds: float) -> dict[float, float]:
    from django.conf import settings
    from django.test import override_settings

    rates = {}
    with override_settings(CACHEDEMO=settings.CACHEDEMO | {"SOURCE_LATENCY_MS": LATENCY_MS}):
        for size in SIZES:
            bench.start_empty()
            rates[float(size)] = reads_a_second(size, seconds, lambda number: bench.users.read(number % 10_000 + 1))
    return rates


def reads_a_second(threads: int, seconds: float, read: Callable[[int], object]) -> float:
    """Return how many reads all threads do together in a second; each has rows of its own."""
    counts = [0] * threads
    started, end = time.perf_counter(), time.perf_counter() + seconds

    def work(thread: int) -> None:
        from django.db import connection

        while time.perf_counter() < end:
            read(counts[thread] * threads + thread)
            counts[thread] += 1
        connection.close()

    workers = [threading.Thread(target=work, args=[thread]) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - started)
