"""Where the time of a flushed row, a write-behind update, and a cache-aside update and read goes: docs/performance.md.

    python -m benchmarks.steps

Each step has what it takes itself, without the steps in it; of many batches, and of many updates, the median. A flush
is a worker's turn: each batch is acknowledged in the trip that claims the next. `at least` is the median of the bare
commands or statements of that step (`floors.py`).
"""

import itertools
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from rich.console import Console

from benchmarks import floors
from benchmarks.bench import Bench
from benchmarks.flush import BATCH, fill_ours
from benchmarks.rows import ROWS

UPDATES, UPDATED = 2_000, range(1, 301)
OFTEN = 10  # what comes once a turn of a worker, and not once a batch, is left out


class Steps:
    """Times of steps that may be in one another, in seconds."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self._within: list[tuple[str, list[float]]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note what is done in here, without the steps in it."""
        inner: list[float] = []
        self._within.append((name, inner))
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self._within.pop()
            self.taken[name].append(took - sum(inner))
            if self._within:
                self._within[-1][1].append(took)

    def watched(self, owner: Any, name: str, step: str) -> Any:
        """Return what makes a step of each call of a function; one that is named `trip` goes by the step around it."""
        original = getattr(owner, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            around = self._within[-1][0] if self._within else "nothing"
            with self.step(f"{around}: the trip" if step == "trip" else step):
                return original(*arguments, **options)

        return mock.patch.object(owner, name, timed)


def main() -> int:
    with Bench(Console(quiet=True)) as bench:
        for what, per, measure, least in (
            ("a flushed row", BATCH, flushes, floors.of_a_row),
            ("a write-behind update", 1, updates, floors.of_an_update),
            ("a cache-aside update and a read", 1, updates_and_reads, None),
        ):
            steps = Steps()
            measure(bench, steps)
            floor = least(bench) if least else {}
            print(f"{what:52}{'µs':>8}{'at least' if floor else '':>10}")
            often = {name: times for name, times in steps.taken.items() if len(times) >= OFTEN}
            medians = {name: statistics.median(times) / per * 1e6 for name, times in often.items()}
            for name, median in medians.items():
                print(f"  {name:50}{median:8.2f}" + (f"{floor[name]:10.2f}" if name in floor else ""))
            print(f"  {'all of it':50}{sum(medians.values()):8.2f}\n")
    return 0


def flushes(bench: Bench, steps: Steps) -> None:
    from cachedemo.protocol import database, flush, flush_batch, waiting
    from cachedemo.protocol.queue import FlushQueue
    from cachedemo.servers.client import Client

    rows = range(1, ROWS + 1)
    bench.start_empty()
    for start in range(0, ROWS, BATCH):
        bench.users.warm(rows[start : start + BATCH])
    fill_ours(bench, rows)
    watched = [
        (flush, "_flush_claimed", "everything else"),
        (FlushQueue, "ack_and_claim", "acknowledge and claim"),
        (waiting, "claims_of", "decode what waits"),
        (flush, "_flushable", "look whether each can be written"),
        (flush_batch, "apply_patiently", "the transaction"),
        (database, "statement_for", "the statement and its parameters"),
        (flush, "_settle", "settle"),
        (Client, "ask", "trip"),
    ]
    bench.users.table.options.batch_size, default = BATCH, bench.users.table.options.batch_size
    run(steps, watched, [lambda: flush.flush(bench.users.table, lambda: True)])
    bench.users.table.options.batch_size = default


def updates(bench: Bench, steps: Steps) -> None:
    from cachedemo.protocol import reads
    from cachedemo.protocol.codec import Codec
    from cachedemo.protocol.queue import FlushQueue
    from cachedemo.protocol.slots import Slots
    from cachedemo.servers.client import Client

    bench.start_empty()
    bench.users.warm(UPDATED)
    behind = bench.users.via("write-behind")
    pks, names = itertools.cycle(UPDATED), itertools.cycle(["Alice Singh", "Alice S."])
    watched = [
        (Codec, "clean", "validate"),
        (reads, "find_values", "read the base"),
        (FlushQueue, "enqueue", "enqueue"),
        (Codec, "overlay", "lay it over the base"),
        (Slots, "publish", "publish"),
        (Client, "ask", "trip"),
    ]
    with bench.appendfsync("everysec"):
        run(steps, watched, itertools.repeat(lambda: behind.update(next(pks), name=next(names)), UPDATES))


def updates_and_reads(bench: Bench, steps: Steps) -> None:
    from cachedemo.protocol import database, leases, loading, synchronous
    from cachedemo.protocol.codec import Codec
    from cachedemo.protocol.queue import FlushQueue
    from cachedemo.protocol.slots import Slots
    from cachedemo.servers.client import Client

    bench.start_empty()
    users, aside = bench.users, bench.users.via("cache-aside")
    users.warm(UPDATED)
    turns = zip(itertools.cycle(UPDATED), (f"name {number}" for number in itertools.count()), strict=False)

    def update_and_read() -> None:
        pk, name = next(turns)
        aside.update(pk, name=name)
        users.get(pk)

    watched = [
        (Codec, "clean", "validate"),
        (FlushQueue, "stamp", "stamp"),
        (synchronous, "_attempt", "the transaction: BEGIN, COMMIT"),
        (database, "apply", "the UPDATE"),
        (Slots, "finish", "finish"),
        (FlushQueue, "settle_up", "settle up"),
        (leases, "load", "read: the lease"),
        (loading, "load", "read: what waits"),
        (database, "select", "read: the SELECT"),
        (Slots, "fill", "read: fill"),
        (Client, "ask", "trip"),
        (Client, "ask_all", "trip"),
        (Client, "execute_command", "trip"),
    ]
    run(steps, watched, itertools.repeat(update_and_read, UPDATES))


def run(steps: Steps, watched: list[tuple[Any, str, str]], calls: Iterable[Callable[[], object]]) -> None:
    with ExitStack() as stack:
        for owner, name, step in watched:
            stack.enter_context(steps.watched(owner, name, step))
        for call in calls:
            with steps.step("the rest"):
                call()


if __name__ == "__main__":
    sys.exit(main())
