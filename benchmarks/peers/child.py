"""A process with one peer in it, which does what it is told line by line (`python -m benchmarks.peers.child …`).

Each line is a JSON array, the name of a function below and its arguments; each answer a JSON value. Only the work is
timed, so what is said and heard costs nobody anything.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers import project
from benchmarks.peers.adapters import Peer
from cachedemo.embedded.server import end_with_parent

Ops = list[list[Any]]


class Work:
    """What a peer can be told to do; each method returns seconds, unless it says otherwise."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def reads(self, pks: list[int]) -> float:
        read = self.peer.read
        return timed(lambda: [read(pk) for pk in pks])

    def bulk(self, pks: list[int], calls: int) -> float:
        return timed(lambda: [self.peer.read_many(pks) for _ in range(calls)])

    def updates_and_reads(self, names: list[list[Any]]) -> float:
        update, read = self.peer.update, self.peer.read

        def work() -> None:
            for pk, name in names:
                update(pk, name)
                read(pk)

        return timed(work)

    def ops(self, ops: Ops) -> float:
        """Do what YCSB's clients do; what only waits for the database then is written within the time."""
        one = {"read": self.peer.read, "update": self.peer.update, "insert": self.peer.insert}

        def work() -> None:
            for name, *arguments in ops:
                one[name](*arguments)
            self.peer.settle()

        return timed(work)

    def stampede(self, pk: int, readers: int, at: float) -> int:
        """Have many threads read a row at the same moment; return how many statements that took."""
        project.STATEMENTS.clear()
        threads = [threading.Thread(target=self._read_at, args=[pk, at]) for _ in range(readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(project.STATEMENTS)

    def _read_at(self, pk: int, at: float) -> None:
        from django.db import connection

        time.sleep(max(0.0, at - time.time()))
        self.peer.read(pk)
        connection.close()

    def latency(self, seconds: float) -> None:
        """Return nothing; from now on each statement takes so long."""
        project.LATENCY["seconds"] = seconds

    def settle(self) -> float:
        return timed(self.peer.settle)

    def table(self, rows: int) -> float:
        return timed(lambda: project.make_table(rows))

    def shows(self, pk: int, name: str) -> bool:
        """Return whether a read after an update has what was written, one row at a time and many at once."""
        self.peer.read(pk)
        self.peer.update(pk, name)
        return bool(self.peer.read(pk).name == name and [each.name for each in self.peer.read_many([pk])] == [name])


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(parent: str, name: str, cache_url: str, queue_url: str, database: str) -> None:
    end_with_parent(int(parent))
    work = Work(project.set_up(name, cache_url, queue_url, Path(database)))
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        print(json.dumps(getattr(work, what)(*arguments)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
