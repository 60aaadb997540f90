"""A primary of a Redis Cluster killed under load, and its replica takes over: as the cache, and as the queue.

The replica may lack what the primary had acknowledged last. Of the cache that costs misses, and slots that somebody
must empty: a flusher works off what is owed, and then no read is stale. The queue here has no replica to fall back on
that could lack anything: its primary comes back with its log, and nothing is lost.
"""

import pytest

from tests.clusters import Cluster
from tests.faults.run import Load
from tests.helpers import until

SLOT = "v1:note:{1}"
QUEUE = "flush:notes"


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


@pytest.mark.timeout(180)
def test_a_replica_of_the_queue_takes_over_with_all_that_it_had(nursery, transactional_db, tmp_path, cluster):
    """A cluster's replica may lack what was acknowledged last. One that lacks nothing loses nothing."""
    servers = cluster(role="queue", replicas=1)
    load = Load(nursery, tmp_path, settings={"QUEUE_URL": servers.url})
    load.begin(job="writer", flushers=0)
    load.go_on(60)
    for client in load.clients.values():
        client.pause()
    until(lambda: is_in_step(servers))
    servers.primary_of(QUEUE).kill()
    for client in load.clients.values():
        client.resume()
    load.add_flusher()
    load.go_on(60)
    report = load.end()
    assert not report.violations, str(report)
    assert report.outcomes["write ok"] > 20, "beside increments"


def is_in_step(servers):
    """Whether the replica of the queue's primary has all that was written."""
    replication = servers.client(servers.primary_of(QUEUE)).info("replication")
    return replication["slave0"]["offset"] == replication["master_repl_offset"]
