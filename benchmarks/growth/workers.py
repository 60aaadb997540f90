"""Ever more workers on one queue, and on four shards of one, to PostgreSQL (benchmarks/workers.py)."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.growth.growth import Growth

SIZES = (1, 2, 3, 4)
SHARDS = (1, 4)
ROUNDS = 2


def measure(bench: Bench) -> Iterator[Growth]:
    rows, rounds = ("5000", 1) if bench.quick else ("20000", ROUNDS)
    rates: dict[float, list[float]] = {size: [0.0] * len(SHARDS) for size in SIZES}
    for size, *figures in _figures(rows, [*SIZES] * rounds):
        rates[size] = [max(pair) for pair in zip(rates[size], figures, strict=True)]
    yield Growth(
        "growth-workers", "workers", "So many workers flush to PostgreSQL", "rows/s",
        ["rows/s, one queue", "rows/s, four shards"], rates,
        {size: size * rates[1][0] for size in SIZES}, "in proportion", log=False, drawn=2,
    )  # fmt: skip


def _figures(rows: str, sizes: list[int]) -> Iterator[list[float]]:
    """Yield the lines of its table: how many workers, and the rows a second of each number of shards."""
    options = ["--rows", rows, "--shards", *map(str, SHARDS)]
    command = [sys.executable, "-m", "benchmarks.workers", *map(str, sizes), *options]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        cells = [cell.strip().replace(",", "") for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].isdigit():
            yield [float(cell) for cell in cells]
