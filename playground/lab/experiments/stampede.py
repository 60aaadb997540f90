"""Many readers of one cold key at once."""

import threading

from django.db import connections

from cachedemo import trace
from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage
from playground.latency import source_latency

TITLE = "A stampede on a cold key"
STORY = "Fifty readers ask for the same row at the same moment. The cache does not have it; the database takes 100 ms."
ASSERTION = "However many readers ask, the database is asked once."
NAIVE = "Each reader misses before the first has filled the cache, so each of them asks the database."
OURS = "The first takes a lease in the same step as its miss; the others wait for the slot instead of the database."
PK = 4
READERS = 50
LATENCY_MS = 100


def play(side: Side, stage: Stage) -> Finding:
    loads: list[int] = []
    names: list[str] = []
    together = threading.Barrier(READERS)

    def read() -> None:
        together.wait()
        with trace() as steps:
            names.append(side.read(PK)["name"])
        loads.append(sum(step.command.startswith("SELECT") for step in steps))
        connections.close_all()

    with source_latency(LATENCY_MS):
        stage.note(f"{READERS} readers start at once.")
        threads = [threading.Thread(target=read, daemon=True) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    numbers = [("readers", str(READERS)), ("answered", str(len(names))), ("loads from the database", str(sum(loads)))]
    return Finding(sum(loads) > 1 or len(names) < READERS, numbers)
