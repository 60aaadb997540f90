"""The wall clock of a server is set back by an hour while writers, readers and flushes are under way."""

import time

import pytest
import redis

from cachedemo import Pattern
from cachedemo.protocol import flush, no_queue
from cachedemo.protocol.queue import FlushQueue
from cachedemo.servers import roles
from tests.faults.disk import compiler
from tests.faults.wall_clock import Clocked
from tests.helpers import missing, until
from tests.interleaving import interleaving
from tests.notes.models import Note
from tests.notes.rows import stored_title

HOUR = 3600
SOON = 0.3  # seconds: the deadlines of these tests


@pytest.fixture
def clocked(tmp_path, settings, monkeypatch):
    """`clocked("queue")` replaces that server by one whose clock can be set back."""
    if compiler() is None:
        missing("a C compiler, to set a server's clock back")
    started = []

    def start(role):
        started.append(Clocked(tmp_path, role))
        started[-1].start()
        settings.CACHEDEMO = {**settings.CACHEDEMO, f"{role.upper()}_URL": started[-1].server.url(1)}
        roles.reset()
        return started[-1]

    yield start
    for each in started:
        each.server.stop()
    roles.reset()


@pytest.fixture
def queue_clock(clocked):
    return clocked("queue")


@pytest.fixture
def soon(notes, monkeypatch):
    """Deadlines come soon."""
    monkeypatch.setattr(notes.table.options, "claim_deadline", SOON)
    monkeypatch.setattr(notes.table.options, "lease_timeout", SOON)
    monkeypatch.setattr(notes.table.slots, "lease_ms", int(SOON * 1000))


@pytest.mark.parametrize("first", Pattern)
@pytest.mark.parametrize("second", Pattern)
def test_stamps_go_on_and_no_write_is_refused_or_lost(queue_clock, notes, first, second):
    notes.via(first).update(1, title="a1")
    queue_clock.set_back(HOUR)
    notes.via(second).update(1, title="a2")
    assert notes.get(1).title == "a2"
    notes.drain(timeout=5)
    assert notes.get(1).title == stored_title() == "a2"


def test_a_batch_whose_worker_died_before_is_flushed_soon(queue_clock, notes, soon):
    notes.via("write-behind").update(1, title="a1")
    with interleaving() as actor:
        actor(notes.flush).until("commit").kill()
    queue_clock.set_back(HOUR)
    notes.drain(timeout=5)
    assert stored_title() == "a1"


def test_a_writer_that_died_before_is_seen_to_soon(queue_clock, notes, soon, redis_cache):
    with interleaving() as actor:
        actor(lambda: notes.update(1, title="a1")).until("finish").kill()
    redis_cache.delete("v1:note:1")
    queue_clock.set_back(HOUR)
    flush.reap(notes.table)
    assert notes.table.queue.owed()[0] == 1, "a writer that lives is not taken for dead"
    until(lambda: flush.reap(notes.table) or notes.table.queue.owed()[0] == 0, timeout=5)


def test_a_slot_that_could_not_be_reached_before_is_emptied_soon(queue_clock, notes, soon, redis_cache):
    notes.get(1)
    notes.table.queue.owe([1])
    queue_clock.set_back(HOUR)
    until(lambda: flush.reap(notes.table) or not redis_cache.exists("v1:note:1"), timeout=5)
    assert notes.table.queue.owed()[0] == 0


def test_a_parked_row_comes_back_by_the_queues_clock_alone(notes, redis_queue, monkeypatch):
    """A worker whose clock is an hour behind would have it back at once, and again and again."""
    notes.via("write-behind").update(1, title="a1")
    queue = notes.table.queue
    queue.claim(1, 30, 3)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    queue.park("1")
    queue.reap(30, 15)
    assert redis_queue.zrange("{flush:notes}:claimed", 0, -1) == [b"1"]


def test_the_lease_of_a_dead_reader_holds_others_up_no_longer_than_their_patience(clocked, notes, soon):
    cache_clock = clocked("cache")
    with interleaving() as actor:
        actor(lambda: notes.get(1)).step("lease").kill()
    cache_clock.set_back(HOUR)
    client = redis.Redis.from_url(cache_clock.server.url(1))
    until(lambda: client.pttl("v1:note:1") > HOUR * 500)
    assert notes.get(1).title == "a0"
    assert not client.exists("v1:note:1"), "the lease is taken away"
    notes.get(1)
    assert client.get("v1:note:1").startswith(b"V")


@pytest.mark.parametrize("pattern", Pattern)
def test_a_cache_that_is_set_back_shows_no_old_value(clocked, notes, pattern):
    cache_clock = clocked("cache")
    notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: notes.via(pattern).update(1, title="a1")).step(
            "enqueue" if pattern == Pattern.WRITE_BEHIND else "commit"
        )
        cache_clock.set_back(HOUR)
        writer.finish()
    assert notes.get(1).title == "a1"
    notes.drain(timeout=5)
    assert notes.get(1).title == stored_title() == "a1"


def test_without_a_queue_a_writer_whose_clock_is_set_back_passes_the_row(notes, monkeypatch):
    monkeypatch.setattr(notes, "queue", None)
    table = notes._table()
    assert not isinstance(table.queue, FlushQueue)
    monkeypatch.setattr(notes, "table", table)
    notes.announce()
    before = notes.update(1, title="a1").cache_stamp
    monkeypatch.setattr(no_queue.time, "time_ns", lambda: (before - HOUR * 1_000_000) * 1000)
    assert notes.update(1, title="a2").cache_stamp > before
    assert notes.get(1).title == "a2"
    assert Note.objects.get(pk=1).title == "a2"
