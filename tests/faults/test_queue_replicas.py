"""A queue with a replica, and `replicas = 1` on the registration: what the replica has not got does not count.

On one primary, whoever names it, and on a primary of a cluster.
"""

import contextlib

import pytest

from cachedemo.embedded.server import HOST, EmbeddedServer
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable
from cachedemo.protocol import flush
from cachedemo.servers import roles
from cachedemo.servers.roles import QUEUE
from tests.clusters import Cluster
from tests.helpers import until
from tests.servers import paused


@contextlib.contextmanager
def one_server(folder):
    with (
        EmbeddedServer(folder / "a", "queue", repl_diskless_sync_delay="0") as primary,
        EmbeddedServer(folder / "b", "queue", replicaof=f"{HOST} {primary.port}") as replica,
    ):
        yield primary.url(1), replica


@contextlib.contextmanager
def of_a_cluster(folder):
    with Cluster(folder, primaries=1, replicas=1, role="queue") as cluster:
        yield cluster.url, cluster.nodes[1]


@pytest.fixture(params=[one_server, of_a_cluster])
def replica(request, notes, settings, tmp_path, monkeypatch):
    with request.param(tmp_path) as (url, replica):
        settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": url}
        roles.reset()
        is_there = [("SET", "is there", "a replica", "PX", 1000), ("WAIT", 1, 100)]
        until(lambda: QUEUE.together("is there", is_there)[1] == 1)
        monkeypatch.setattr(notes.table._servers.queue, "replicas", 1)
        notes.announce()  # to this queue, so that a read asks it for nothing but what waits
        notes.get(1)
        yield replica
    roles.reset()


def test_a_write_counts_once_the_replica_has_it(notes, replica):
    assert notes.via("write-behind").update(1, title="a1")
    with paused(replica.pid), pytest.raises(OutcomeUnknown, match="0 of 1 replicas of the queue server"):
        notes.via("write-behind").update(1, title="a2")


def test_nor_does_one_whose_script_the_server_did_not_know(notes, replica):
    """WAIT behind NOSCRIPT says that the replica has everything."""
    assert notes.via("write-behind").update(1, title="a1")
    QUEUE.command("SCRIPT", "FLUSH")
    with paused(replica.pid), pytest.raises(OutcomeUnknown):
        notes.via("write-behind").update(1, title="a2")


def test_a_write_of_the_database_begins_only_with_a_stamp_that_the_replica_has(notes, replica):
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.update(1, title="a1")
    assert notes.model.objects.get(pk=1).title == "a0"


def test_a_version_counts_once_the_replica_knows_it(notes, replica):
    """Whoever takes over without it has nobody empty the slots of that version."""
    notes.announce()
    QUEUE.command("DEL", notes.table.queue.key("versions"))
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.table.queue.announce("1", b'{"state": "live"}')


def test_nor_does_what_is_owed(notes, replica):
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.table.queue.owe([1])


def test_nothing_is_flushed_that_the_replica_does_not_know_to_be_claimed(notes, replica):
    """It would let an increment join what is just being written, if it took over."""
    notes.via("write-behind").increment(1, size=5)
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.flush()
    assert not notes.model.objects.get(pk=1).size


def test_nor_that_is_claimed_along_with_an_acknowledgement(notes, replica, monkeypatch):
    monkeypatch.setattr(notes.table.options, "batch_size", 1)
    for pk in (1, 2):
        notes.via("write-behind").increment(pk, size=5)

    with contextlib.ExitStack() as stack:

        def go_on():
            stack.enter_context(paused(replica.pid))
            return True

        with pytest.raises(QueueUnavailable):
            flush.flush(notes.table, go_on)
    assert sorted(note.size or 0 for note in notes.model.objects.all()) == [0, 5]


def test_a_read_that_needs_the_queue_asks_no_primary_that_was_cut_off(notes, replica, redis_cache):
    redis_cache.flushdb()
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.get(1)
    assert notes.get(1).title == "a0"
