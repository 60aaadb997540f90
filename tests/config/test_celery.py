"""The worker as the README starts it: one process group that ends as one."""

import os
import signal
import sys
from collections.abc import Callable

import pytest

from tests.helpers import until
from tests.processes import Process, children_of, is_alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_worker_takes_its_pool_and_beat_with_it(start_worker: Callable[..., Process]) -> None:
    worker = start_worker("-B", "--concurrency=2")
    below = until(lambda: children_of(worker.pid))
    assert len(below) >= 3, below
    worker.says("beat: Starting")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    until(lambda: not any(map(is_alive, below)))


def test_a_worker_asked_to_end_ends_well(start_worker: Callable[..., Process]) -> None:
    worker = start_worker("--pool=solo")
    worker.terminate()
    worker.finish()
