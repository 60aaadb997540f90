"""The queue's server down, restarted, loading, without memory, or not on disk: what is served, refused and kept."""

import os
import signal

import pytest
import redis

from cachedemo import Pattern
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable
from cachedemo.servers import roles
from tests.notes.models import Note
from tests.notes.rows import stored_title
from tests.servers import asked_again, configured, without_memory

pytestmark = pytest.mark.usefixtures("short_timeouts")


@pytest.fixture
def loose(settings):
    """Reads that go on without the queue, as a project may choose."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, "STRICT_READS": False}


# The queue is down


@pytest.mark.parametrize("stop", ["kill", "pause"])
def test_without_the_queue_hits_are_served_and_all_else_is_refused(notes, queue_server, stop):
    notes.get(1)
    if stop == "kill":
        queue_server.kill()
    else:
        os.kill(queue_server.pid, signal.SIGSTOP)
    assert notes.read(1).origin == "cache"
    with pytest.raises(QueueUnavailable):
        notes.get(2)
    with pytest.raises(QueueUnavailable):
        notes.get_many([1, 2])
    for pattern in Pattern:
        with pytest.raises(QueueUnavailable):
            notes.via(pattern).update(1, title="a1")
    with pytest.raises(QueueUnavailable):
        notes.create(title="c")
    with pytest.raises(QueueUnavailable):
        notes.delete(1)
    assert notes.read(1).origin == "cache", "the refused writes have put the value back"
    assert list(Note.objects.values_list("title", flat=True)) == ["a0", "a0"]


def test_loose_reads_without_the_queue_come_from_the_source_and_fill_nothing(notes, queue_server, redis_cache, loose):
    queue_server.kill()
    entry = notes.read(1)
    assert (entry.origin, entry.slot) == ("source", None)
    assert notes.get_many([1, 2])[2].title == "a0"
    assert redis_cache.dbsize() == 0


def test_a_process_that_has_not_announced_itself_trusts_no_slot_without_the_queue(notes, queue_server, loose):
    notes.get(1)
    notes.table.announced = None
    queue_server.kill()
    assert notes.read(1).origin == "source"


def test_a_restarted_queue_has_lost_nothing(notes, queue_server):
    notes.via("write-behind").update(1, title="a1")
    queue_server.kill()
    queue_server.start()
    asked_again(roles.QUEUE)
    assert notes.get(1).title == "a1"
    notes.drain(timeout=5)
    assert stored_title() == "a1"


# A queue at its memory limit


def test_a_queue_without_memory_goes_write_through_and_still_drains(notes, redis_queue):
    notes.via("write-behind").update(1, title="waits")
    with configured(redis_queue, maxmemory=redis_queue.info("memory")["used_memory"] // 2):
        written = notes.via("write-behind").write(2, {"title": "through"})
        assert (written.pattern, written.reason) == ("write-through", "full")
        assert stored_title(2) == "through"
        assert notes.drain(timeout=5) == 1
        assert stored_title(1) == "waits"


def test_a_process_that_starts_while_the_queue_has_no_memory_serves(notes, redis_queue):
    notes.table.announced = None
    with without_memory(redis_queue):
        assert notes.get(1).title == "a0"
        assert notes.via("write-behind").update(1, title="through").title == "through"
    assert stored_title() == "through"


def test_a_queue_that_is_loading_has_taken_nothing_and_says_so(notes, monkeypatch):
    notes.get(1)

    def loading(*call):
        raise redis.BusyLoadingError("Redis is loading the dataset in memory")

    monkeypatch.setattr(roles.Role, "_script", loading)
    with pytest.raises(QueueUnavailable, match="still loading"):
        notes.via("write-behind").update(1, title="a1")


# On disk before it is acknowledged


def test_a_write_is_acknowledged_once_it_is_on_disk(notes, monkeypatch, redis_queue):
    monkeypatch.setattr(notes.table.options, "fsync_within", 0.5)
    redis_queue.script_flush()
    assert notes.via("write-behind").update(1, title="a1").title == "a1"
    assert redis_queue.info("commandstats")["cmdstat_waitaof"]["calls"] >= 1


def test_a_write_that_is_not_on_disk_in_time_is_not_acknowledged(notes, monkeypatch, redis_queue):
    monkeypatch.setattr(notes.table.options, "fsync_within", 0.001)
    with configured(redis_queue, appendfsync="no"), pytest.raises(OutcomeUnknown, match="on disk"):
        notes.via("write-behind").update(1, title="a1")


def test_a_queue_without_an_append_only_file_cannot_promise_it(notes, monkeypatch, redis_queue):
    monkeypatch.setattr(notes.table.options, "fsync_within", 0.5)
    with configured(redis_queue, appendonly="no"), pytest.raises(OutcomeUnknown, match="WAITAOF"):
        notes.via("write-behind").update(1, title="a1")
