"""A load from its first row to the verdict on its history."""

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults import history
from tests.faults.checker import Violation, check
from tests.faults.history import Kind, Operation, Outcome
from tests.faults.nursery import Job, Nursery

PATIENCE = 30.0  # seconds for so many operations, and until everything is at rest


class Report(NamedTuple):
    """What a load did, what it was told, and what the checker says."""

    operations: list[Operation]
    violations: list[Violation]
    dead_letters: int

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
    """

    def __init__(
        self, nursery: Nursery, folder: Path, seed: int = 1, deadline: float = 2.0, pause: float = 0.002
    ) -> None:
        self.nursery = nursery
        self.folder = folder
        self.seed = seed
        self.pause = pause
        self.deadline = deadline
        self.clients: list[Job] = []
        self.flushers: list[Job] = []
        self._started = 0

    def begin(self, clients: int = 2, flushers: int = 1, job: str = "client") -> None:
        """Make the rows, then start everybody."""
        self.nursery.start("tests.faults.load:begin", folder=str(self.folder)).result()
        for _ in range(clients):
            self.add_client(job)
        for _ in range(flushers):
            self.add_flusher()

    def add_client(self, job: str = "client") -> Job:
        self._started += 1
        options = {"name": f"c{self._started}", "seed": self.seed * 1000 + self._started, "pause": self.pause}
        self.clients.append(self._start(job, **options))
        return self.clients[-1]

    def add_flusher(self) -> Job:
        self.flushers.append(self._start("flusher"))
        return self.flushers[-1]

    def _start(self, job: str, **options: Any) -> Job:
        return self.nursery.start(
            f"tests.faults.load:{job}", folder=str(self.folder), deadline=self.deadline, **options
        )

    def done(self) -> int:
        """Return how many operations were begun and ended, roughly: lines by two."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("c*.jsonl")) // 2

    def go_on(self, operations: int) -> None:
        """Wait until so many more operations are done."""
        goal, patience = self.done() + operations, time.monotonic() + PATIENCE
        while self.done() < goal:
            if time.monotonic() > patience:
                raise TimeoutError(f"{self.done() - goal + operations} of {operations} operations in {PATIENCE} s")
            time.sleep(0.02)

    def end(self, timeout: float = PATIENCE) -> Report:
        """Stop everybody, let everything come to rest, and check the history."""
        (self.folder / "stop").touch()
        for job in (*self.clients, *self.flushers):
            job.resume()
            ended = job.wait(timeout)
            assert ended.status == 0 or ended.killed, self.nursery.log.read_text()[-4000:]
        rows = max((each.row or 0 for each in self.history()), default=0) + 3
        options = {"folder": str(self.folder), "rows": rows, "deadline": self.deadline, "timeout": timeout}
        dead = self.nursery.start("tests.faults.load:rest", **options).result(timeout + 10)
        operations = self.history()
        return Report(operations, check(operations), dead)

    def history(self) -> list[Operation]:
        return history.load(sorted(self.folder.glob("*.jsonl")))


def refused_for_good_reasons(report: Report) -> bool:
    """Whether every write that was not acknowledged met what it would have met on a good day."""
    good = {history.MISSING, "StaleInstance", "Contended", ""}
    writes = [each for each in report.operations if each.kind is not Kind.READ and each.outcome is not Outcome.OK]
    return {each.error for each in writes} <= good and report.errors.keys() <= good
