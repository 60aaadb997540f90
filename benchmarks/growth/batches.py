"""Ever more rows in one batch of the flush: what a batch costs whatever is in it is shared by more."""

import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.flush import fill_ours
from benchmarks.growth.growth import Growth

SIZES = (1, 10, 50, 100, 500, 1_000, 2_000, 5_000)
ROWS = 10_000  # so that the largest batch comes twice


def measure(bench: Bench) -> Iterator[Growth]:
    options = bench.users.table.options
    default, figures = options.batch_size, {}
    for size in SIZES:
        rows = ROWS if size >= 100 else size * 50
        bench.start_empty()
        bench.users.warm(range(1, rows + 1))
        fill_ours(bench, range(1, rows + 1))
        options.batch_size = size
        try:
            figures[size] = _best_batch(bench, size)
        finally:
            options.batch_size = default
    a_row = (figures[5_000] - figures[1]) / 4_999  # what a row adds to a batch
    yield Growth(
        "growth-batches", "rows in a batch", "A flush of so many rows, SQLite", "ms a batch",
        ["ms a batch", "rows/s"], {size: [each * 1e3, size / each] for size, each in figures.items()},
        {size: (figures[1] + (size - 1) * a_row) * 1e3 for size in SIZES}, "as much more for each row", log=False,
    )  # fmt: skip


def _best_batch(bench: Bench, size: int) -> float:
    best = float("inf")
    while bench.users.table.queue.depth() >= size:
        started = time.perf_counter()
        bench.users.flush()
        best = min(best, time.perf_counter() - started)
    return best
