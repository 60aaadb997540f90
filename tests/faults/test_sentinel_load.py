"""The queue behind sentinels fails over under load: what a replica had to confirm is never lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.injectors import cut_off_replicas
from tests.faults.nursery import Nursery
from tests.faults.run import Load, Report
from tests.helpers import until
from tests.sentinels import Guarded, guarded

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("transactional_db"),
    pytest.mark.skipif("config.getoption('--postgresql')", reason="the database makes no difference: SQLite only"),
]

CUT_OFF_FOR = 2.0  # seconds
Fail = Callable[[Any], None]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path / "servers", "queue") as queue:
        yield queue


def kill(server: Any) -> None:
    server.kill()


def stop(server: Any) -> None:
    os.kill(server.pid, signal.SIGSTOP)


def cut_off_and_kill(server: Any) -> None:
    cut_off_replicas(server)
    time.sleep(CUT_OFF_FOR)  # what the fault is, and nothing that is waited for
    server.kill()


def failed_over_under(load: Load, queue: Guarded, fail: Fail) -> Report:
    load.begin(job="writer", flushers=0)  # so that all of it waits where it can be lost
    load.go_on(60)
    primary = queue.primary()
    fail(primary)
    until(lambda: queue.primary() is not primary, timeout=40)
    if fail is stop:
        os.kill(primary.pid, signal.SIGCONT)  # and takes itself for the primary, until the sentinels tell it
    load.add_flusher()
    load.go_on(60)
    return load.end()


@pytest.mark.parametrize("fail", [kill, stop, cut_off_and_kill])
def test_what_a_replica_had_to_confirm_is_never_lost(
    nursery: Nursery, tmp_path: Path, queue: Guarded, fail: Fail
) -> None:
    load = Load(nursery, tmp_path, settings={"QUEUE_URL": queue.url(1)}, replicas=1)
    report = failed_over_under(load, queue, fail)
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 40


def test_without_that_a_primary_that_was_cut_off_loses_writes(nursery: Nursery, tmp_path: Path, queue: Guarded) -> None:
    """The control: the test above can see such a loss."""
    load = Load(nursery, tmp_path, settings={"QUEUE_URL": queue.url(1)})
    assert failed_over_under(load, queue, cut_off_and_kill).violations
