"""Many readers of one cold key at once."""

import threading
import time

from django.db import connections

from cachedemo import trace
from cachedemo.tracing.trace import Step
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage
from playground.latency import source_latency

TITLE = "A stampede on a cold key"
STORY = (
    "Fifty readers ask for the same row at the same moment. The cache does not have it (the key is cold), and the "
    "database takes 100 ms."
)
ASSERTION = "However many readers ask, the database is asked once."
NAIVE = "Whoever came before the first had filled the cache asked the database too: the last figure counts them."
OURS = "The first takes a lease in the same step as its miss; the others wait for the slot instead of the database."
BREAKS = ("reader 2", "SELECT")
PK = 4
READERS = 50
SHOWN = 3  # of them, step by step
LATENCY_MS = 100


def play(side: Side, stage: Stage) -> Finding:
    loads: list[int] = []
    names: list[str] = []
    taken: list[tuple[float, int, Step]] = []
    together = threading.Barrier(READERS)

    def read(number: int) -> None:
        together.wait()
        with trace(lambda step: taken.append((time.perf_counter(), number, step))) as steps:
            names.append(side.read(PK)["name"])
        loads.append(sum(step.command.startswith("SELECT") for step in steps))
        connections.close_all()

    with source_latency(LATENCY_MS):
        stage.note(f"{READERS} readers start at once.")
        threads = [threading.Thread(target=read, args=(n,), daemon=True) for n in range(1, READERS + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    _show(taken, stage)
    numbers = [("readers", str(READERS)), ("answered", str(len(names))), ("loads from the database", str(sum(loads)))]
    return Finding(sum(loads) > 1 or len(names) < READERS, numbers)


def _show(taken: list[tuple[float, int, Step]], stage: Stage) -> None:
    """Show the first who asked the database, and two others."""
    loaders = [number for _, number, step in taken if step.command.startswith("SELECT")]
    chosen = list(dict.fromkeys([*loaders, *(number for _, number, _ in taken)]))[:SHOWN]
    taken.sort(key=lambda each: each[0])
    lease = next((at for at, number, step in taken if number == chosen[0] and " NX GET" in step.command), 0.0)
    # A thread may tell late what its server did early; no lease is seen before it is taken.
    taken.sort(key=lambda each: (each[1] != chosen[0] or each[0] > lease, each[0]))
    shown = [(number, step) for _, number, step in taken if number in chosen]
    chosen = list(dict.fromkeys(number for number, _ in shown))
    seen = set[tuple[int, str]]()
    for number, step in shown:
        key = (number, step.command.split(" L")[0])
        if key not in seen:  # who waits looks again and again
            seen.add(key)
            stage.told(f"reader {chosen.index(number) + 1}", step)
    stage.note(f"The other {READERS - SHOWN} readers are not drawn.")
