"""A primary of a Redis Cluster killed under load, and its replica takes over: as the cache, and as the queue.

The replica may lack what the primary had acknowledged last. Of the cache that costs misses, and slots that somebody
must empty: a flusher works off what is owed, and then no read is stale. A queue's primary comes back with its log; a
replica that takes over has what it had to confirm (`replicas = 1`).
"""

import time

import pytest

from tests.clusters import Cluster
from tests.faults.injectors import cut_off_replicas
from tests.faults.run import Load

SLOT = "v1:note:{1}"
QUEUE = "flush:notes"
CUT_OFF_FOR = 2.0  # seconds


@pytest.fixture
def cluster(tmp_path):
    """`cluster(role="queue", replicas=0)` is a running cluster of three primaries."""
    started = []

    def start(**options):
        started.append(Cluster(tmp_path / f"cluster{len(started)}", **options))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.mark.timeout(180)
def test_a_primary_of_the_cache_is_killed_and_nothing_is_stale_once_what_is_owed_is_worked_off(
    nursery, transactional_db, tmp_path, cluster
):
    servers = cluster(replicas=1)
    load = Load(nursery, tmp_path, settings={"CACHE_URL": servers.url})
    load.begin()
    load.go_on(100)
    with load.cache_out_of_reach():
        killed = servers.kill_primary_of(SLOT)
        load.go_on(100)
    assert servers.primary_of(SLOT) is not killed
    load.go_on(100)
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["read ok"] > 100


@pytest.mark.timeout(180)
def test_the_primary_of_the_queue_is_killed_and_nothing_that_was_acknowledged_is_lost(
    nursery, transactional_db, tmp_path, cluster
):
    servers = cluster(role="queue", replicas=0)
    load = Load(nursery, tmp_path, settings={"QUEUE_URL": servers.url})
    load.begin(job="writer")
    load.go_on(60)
    victim = servers.primary_of(QUEUE)
    victim.kill()
    victim.start()
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 20, "beside increments"


def kill(servers):
    """It comes back as the replica that the writes have to wait for."""
    servers.kill_primary_of(QUEUE).start()


def cut_off_and_kill(servers):
    """The replica lacks what the primary has taken last, and acknowledged to nobody."""
    cut_off_replicas(servers.primary_of(QUEUE))
    time.sleep(CUT_OFF_FOR)  # what the fault is, and nothing that is waited for
    kill(servers)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fail", [kill, cut_off_and_kill])
def test_what_a_replica_of_the_queue_had_to_confirm_is_never_lost(fail, nursery, transactional_db, tmp_path, cluster):
    servers = cluster(role="queue", replicas=1)
    load = Load(nursery, tmp_path, settings={"QUEUE_URL": servers.url}, replicas=1)
    load.begin(job="writer", flushers=0)  # so that all of it waits where it can be lost
    load.go_on(60)
    fail(servers)
    load.go_on(60)
    load.add_flusher()
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 20, "beside increments"
