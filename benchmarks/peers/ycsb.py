"""Workloads A to D of the Yahoo! Cloud Serving Benchmark (Cooper et al., 2010), without scans.

Keys are drawn by the generator of its own client: zipfian with a constant of 0.99 (Gray et al., 1994), scattered over
the keys for A, B and C, and counted from the newest for D. One client, one operation at a time: what a process does for
many threads at once is in `growth`.
"""

import random
from collections.abc import Iterator

CONSTANT = 0.99
MIXES = {"A": (0.5, "update"), "B": (0.05, "update"), "C": (0.0, ""), "D": (0.05, "insert")}  # share of which writes
WHAT = {"A": "half updates", "B": "5 % updates", "C": "reads only", "D": "5 % inserts, newest first"}


class Zipfian:
    """Draws ranks below `items`, 0 the most often."""

    def __init__(self, items: int, draw: random.Random) -> None:
        self._items, self._draw = items, draw
        self._zeta = sum(1 / rank**CONSTANT for rank in range(1, items + 1))
        self._alpha = 1 / (1 - CONSTANT)
        self._eta = (1 - (2 / items) ** (1 - CONSTANT)) / (1 - (1 + 0.5**CONSTANT) / self._zeta)

    def __call__(self) -> int:
        uniform = self._draw.random()
        if uniform * self._zeta < 1:
            return 0
        if uniform * self._zeta < 1 + 0.5**CONSTANT:
            return 1
        return int(self._items * (self._eta * uniform - self._eta + 1) ** self._alpha)


def operations(workload: str, rows: int) -> Iterator[list[object]]:
    """Yield operations without end, the same each time: `["read", pk]`, `["update", pk, name]`, `["insert", pk]`."""
    draw = random.Random(workload)
    rank, scattered = Zipfian(rows, draw), random.Random(0).sample(range(1, rows + 1), rows)
    share, write = MIXES[workload]
    newest = rows
    while True:
        pk = newest - rank() if workload == "D" else scattered[rank()]
        if draw.random() >= share:
            yield ["read", pk]
        elif write == "update":
            yield ["update", pk, f"name {draw.random()}"]
        else:
            newest += 1
            yield ["insert", newest]
