"""The queue's server killed under load: `appendfsync always` loses nothing, and the harness would see it if it did.

Writers queue updates and nothing else. `make faults` does the first of these tests fifty times.
"""

import pytest

from tests.faults import injectors
from tests.faults.disk import Disk, compiler
from tests.faults.run import Load
from tests.helpers import missing, until

KILLS = 2


@pytest.fixture
def disk(tmp_path):
    """`disk("everysec", delay_ms=3000)` is a running queue server on a disk of its own."""
    if compiler() is None:
        missing("a C compiler, to make fsync slow")
    disks = []

    def start(policy, delay_ms=0):
        disks.append(Disk(tmp_path, policy, delay_ms))
        disks[-1].start()
        return disks[-1]

    yield start
    for each in disks:
        each.stop()


@pytest.fixture
def load(nursery, transactional_db, tmp_path):
    def on(server):
        return Load(nursery, tmp_path, settings={"QUEUE_URL": server.url(1)})

    return on


def test_killed_under_load_it_loses_nothing(nursery, transactional_db, tmp_path, queue_server):
    load = Load(nursery, tmp_path)
    load.begin(job="writer")
    for _ in range(KILLS):
        load.go_on(60)
        injectors.kill(queue_server, lambda: None)
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 60


def test_without_power_it_loses_nothing_that_was_acknowledged(disk, load):
    queue = disk("always", delay_ms=2)
    queue.is_slow(True)
    load = load(queue.server)
    load.begin(job="writer")
    for _ in range(KILLS):
        load.go_on(60)
        queue.cut_power()
        queue.start()
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 60


def test_on_everysec_and_a_slow_disk_a_kill_loses_acknowledged_writes(disk, load):
    """The control: what the tests above look for does happen where it is not promised away."""
    queue = disk("everysec", delay_ms=3000)
    load = load(queue.server)
    load.begin(job="writer", flushers=0)
    queue.is_slow(True)
    synced_once(queue)
    load.go_on(200)
    queue.kill()
    queue.is_slow(False)
    queue.start()
    assert "lost" in kinds(load.end())


def test_on_everysec_a_power_cut_loses_acknowledged_writes(disk, load):
    queue = disk("everysec")
    load = load(queue.server)
    load.begin(job="writer", flushers=0)
    synced_once(queue)
    load.go_on(60)
    assert queue.cut_power() > 0
    queue.start()
    assert "lost" in kinds(load.end())


def synced_once(queue):
    """Until the log was synced under load: from here on it happens once a second."""
    before = queue.synced()
    until(lambda: queue.synced() > before)


def kinds(report):
    return {violation.kind for violation in report.violations}
