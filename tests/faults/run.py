"""A load from its first row to the verdict on its history."""

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cachedemo import conf
from tests.faults import history
from tests.faults.checker import Violation, check
from tests.faults.history import Kind, Operation, Outcome
from tests.faults.nursery import Job, Nursery

NEAR = 0.3  # seconds by which copies may be behind, where clients keep any
PATIENCE = 30.0  # seconds for so many operations, and until everything is at rest


class Report(NamedTuple):
    """What a load did, what it was told, and what the checker says.

    Attributes:
        excused: reads that were older than they should be, while writers could not reach the cache.
    """

    operations: list[Operation]
    violations: list[Violation]
    dead_letters: int
    excused: int

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(f"{each.kind} {each.outcome}" for each in self.operations)

    @property
    def errors(self) -> Counter[str]:
        return Counter(each.error for each in self.operations if each.error)

    def __str__(self) -> str:
        return "\n".join(map(str, self.violations[:10])) or f"{len(self.operations)} operations, no violation"


class Load:
    """Clients of one seed on the rows of one folder.

    Args:
        deadline: seconds for leases, marks, claims and what is owed.
        pause: seconds between two operations of a client.
        settings: entries of CACHEDEMO that are others for everybody here.
        near: seconds by which the reads of clients may be behind that keep copies.
        replicas: how many replicas of the queue must have what anybody here writes to it.
    """

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        seed: int = 1,
        deadline: float = 2.0,
        pause: float = 0.002,
        settings: dict[str, str] | None = None,
        near: float = 0.0,
        replicas: int = 0,
    ) -> None:
        self.replicas = replicas
        self.near = int(near * 1e9)
        self.settings = settings or {}
        self.next_release = False  # whether who is started from now on has the registration of the next release
        self.nursery = nursery
        self.folder = folder
        self.seed = seed
        self.pause = pause
        self.deadline = deadline
        self.clients: dict[str, Job] = {}
        self._jobs: dict[str, str] = {}
        self.flushers: list[Job] = []
        self.outages: list[tuple[int, int]] = []
        self._started = 0

    def begin(self, clients: int = 2, flushers: int = 1, job: str = "client") -> None:
        """Make the rows, then start everybody."""
        self._start("begin").result()
        for _ in range(clients):
            self.add_client(job)
        for _ in range(flushers):
            self.add_flusher()

    def add_client(self, job: str = "client") -> Job:
        self._started += 1
        name, seed = f"c{self._started}", self.seed * 1000 + self._started
        self.clients[name] = self._start(job, name=name, seed=seed, pause=self.pause)
        self._jobs[name] = job
        return self.clients[name]

    def kill_client(self, name: str) -> None:
        """Kill a client in whatever it is doing, and start another that does the same."""
        self.clients.pop(name).kill()
        self.add_client(self._jobs.pop(name))

    def empty_everything(self) -> None:
        """Begin without rows, slots or waiting writes."""
        self._start("empty_everything").result()

    def reshard(self, number: int) -> None:
        """Change the number of shards of both queues, to the end."""
        self.begin_to_reshard(number).result()

    def begin_to_reshard(self, number: int) -> Job:
        return self._start("resharder", number=number)

    def delete_version(self, version: int) -> None:
        """Delete the keys of a version of the notes, as a deploy does when it is over."""
        self._start("delete_version", version=version).result()

    def add_flusher(self) -> Job:
        self.flushers.append(self._start("flusher"))
        return self.flushers[-1]

    def _start(self, job: str, **options: Any) -> Job:
        options |= {"folder": str(self.folder), "deadline": self.deadline}
        if self.replicas:
            job, options = "with_replicas", {"of": job, "replicas": self.replicas, **options}
        if self.next_release:
            job, options = "of_next_release", {"of_next": job, **options}
        return self.nursery.start(f"tests.faults.jobs:{job}", self.settings, **options)

    def done(self) -> int:
        """Return how many operations went well."""
        return sum(path.read_bytes().count(b'"outcome": "ok"') for path in self.folder.glob("c*.jsonl"))

    def go_on(self, operations: int) -> None:
        """Wait until so many more operations have gone well."""
        goal, patience = self.done() + operations, time.monotonic() + PATIENCE
        while self.done() < goal:
            if time.monotonic() > patience:
                raise TimeoutError(f"{self.done() - goal + operations} of {operations} operations in {PATIENCE} s")
            time.sleep(0.02)

    @contextlib.contextmanager
    def cache_out_of_reach(self) -> Iterator[None]:
        """Readers and writers may disagree from here until what is owed is worked off: the checker must know."""
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            # A writer's breaker may stay open for a while after the cache answers again.
            self._wait_until_nothing_is_overdue(time.monotonic_ns() + int(conf.get("BREAKER_PAUSE") * 1e9))
            self.outages.append((begin, time.monotonic_ns()))

    def _wait_until_nothing_is_overdue(self, back: int) -> None:
        """Every client has ended what it was at when the cache came back; what it owes is due at once."""
        patience = time.monotonic() + PATIENCE
        while not all(self._began_since(name, back) for name in self.clients) or self._overdue():
            if time.monotonic() > patience:
                raise TimeoutError("The cache is back, and what is owed is not worked off.")
            time.sleep(0.02)

    def _began_since(self, client: str, moment: int) -> bool:
        history = self.folder / f"{client}.jsonl"
        if not history.exists():  # it is about to begin
            return False
        with history.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
            starts = re.findall(rb'"start": (\d+)}', file.read())
        return bool(starts) and int(starts[-1]) > moment

    def _overdue(self) -> bool:
        return bool(self._start("overdue").result())

    def end(self, timeout: float = PATIENCE) -> Report:
        """Stop everybody, let everything come to rest, and check the history."""
        (self.folder / "stop").touch()
        for job in (*self.clients.values(), *self.flushers):
            job.resume()
            ended = job.wait(timeout)
            assert ended.status == 0 or ended.killed, self.nursery.log.read_text()[-4000:]
        self._let_marks_run_out()
        rows = max((each.row or 0 for each in self.history()), default=0) + 3
        dead = self._start("rest", rows=rows, timeout=timeout).result(timeout + 10)
        operations = self.history()
        violations = check(operations, self.outages, self.near)
        excused = len(check(operations, near=self.near)) - len(violations)
        return Report(operations, violations, dead, excused)

    def _let_marks_run_out(self) -> None:
        """A client that created a row and got no answer owes nothing, but its mark stands until the deadline."""
        if any(each.outcome is Outcome.UNKNOWN for each in self.history()):
            time.sleep(self.deadline)

    def history(self) -> list[Operation]:
        return history.load(sorted(self.folder.glob("*.jsonl")))


def refused_for_good_reasons(report: Report) -> bool:
    """Whether every write that was not acknowledged met what it would have met on a good day."""
    good = {history.MISSING, "StaleInstance", "Contended", "DatabaseError", "NotUpdated", ""}
    writes = [each for each in report.operations if each.kind is not Kind.READ and each.outcome is not Outcome.OK]
    return {each.error for each in writes} <= good and report.errors.keys() <= good
