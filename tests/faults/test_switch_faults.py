"""An operator switches off and on again and again under a mixed load, and is killed at it; its history is checked."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from cachedemo.protocol.closed_notes import parse
from tests.faults.nursery import Job, Nursery
from tests.faults.run import Load, refused_for_good_reasons


class Operator:
    """Somebody who is killed in the middle of it, runs it again, and then lets processes write past all servers."""

    def __init__(self, load: Load, seed: int) -> None:
        self.load = load
        self.random = random.Random(seed)
        self.direct = 0

    def switch(self, action: str) -> None:
        """Begin, be killed after some more operations of the clients, and run it again to its end."""
        job = self._start(action)
        self.load.go_on(self.random.randint(1, 15))
        job.kill()
        job.wait()
        self.load.go_on(10)
        self._start(action).result()

    def write_past_all_servers(self, operations: int) -> None:
        """Let a process work for a while that is switched off by its setting; a client is stopped meanwhile."""
        self.direct += 1
        name = f"c-direct-{self.direct}"
        options = {"folder": str(self.load.folder), "deadline": self.load.deadline, "pause": self.load.pause}
        job = self.load.nursery.start(
            "tests.faults.jobs:client", {"ENABLED": False}, name=name, seed=self.direct, **options
        )
        self._stop_a_client(operations)
        self.load.go_on(operations)
        job.kill()
        job.wait()

    def _stop_a_client(self, operations: int) -> None:
        """Stop one while others go on; not for long if it holds the database's lock, so that nobody does."""
        goal, patience = self.load.done() + operations, time.monotonic() + 1.0
        stopped = self.random.choice(list(self.load.clients.values()))
        stopped.pause()
        while self.load.done() < goal and time.monotonic() < patience:
            time.sleep(0.02)
        stopped.resume()

    def _start(self, action: str) -> Job:
        return self.load.nursery.start("tests.faults.jobs:operator", action=action, deadline=self.load.deadline)


@pytest.mark.parametrize("seed", [1, 2])
def test_switching_under_load_costs_misses_and_time_only(
    seed: int, nursery: Nursery, transactional_db: None, tmp_path: Path, redis_queue: Any
) -> None:
    load = Load(nursery, tmp_path, seed=seed)
    load.begin(clients=3)
    operator = Operator(load, seed)
    for _ in range(3):
        load.go_on(60)
        operator.switch("off")
        note = parse(redis_queue.get("{flush:notes}:closed"))
        assert note is not None
        assert note.state == "closed"
        operator.write_past_all_servers(100)
        operator.switch("on")
        assert redis_queue.get("{flush:notes}:closed") is None
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert refused_for_good_reasons(report), report.errors
    assert report.dead_letters == 0
    assert any(each.client.startswith("c-direct") for each in report.operations)
