"""A queue with a replica, and `replicas = 1` on the registration: what the replica has not got does not count."""

import pytest

from cachedemo.embedded.server import HOST, EmbeddedServer
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable
from cachedemo.servers import roles
from cachedemo.servers.roles import QUEUE
from tests.helpers import until
from tests.servers import paused


@pytest.fixture
def replica(notes, settings, tmp_path, monkeypatch):
    with (
        EmbeddedServer(tmp_path / "a", "queue", repl_diskless_sync_delay="0") as primary,
        EmbeddedServer(tmp_path / "b", "queue") as replica,
    ):
        replica.options["replicaof"] = f"{HOST} {primary.port}"
        replica.stop()
        replica.start()
        settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": primary.url(1)}
        roles.reset()
        until(lambda: QUEUE.pipeline([("SET", "is there", "a replica", "PX", 1000), ("WAIT", 1, 100)])[1] == 1)
        monkeypatch.setattr(notes.table._servers.queue, "replicas", 1)
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


def test_a_read_that_needs_the_queue_asks_no_primary_that_was_cut_off(notes, replica, redis_cache):
    redis_cache.flushdb()
    with paused(replica.pid), pytest.raises(QueueUnavailable):
        notes.get(1)
    assert notes.get(1).title == "a0"
