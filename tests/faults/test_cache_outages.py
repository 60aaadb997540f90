"""The cache's server down, paused, full, busy or refusing: reads and writes go on, and nothing stale is served."""

import contextlib
import os
import threading

import pytest
import redis

from cachedemo import Pattern
from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import queue
from cachedemo.servers import roles
from tests.helpers import until
from tests.notes.models import Note
from tests.notes.rows import owed, stored_title
from tests.servers import configured, forbidden, paused, without_memory

pytestmark = pytest.mark.usefixtures("short_timeouts")


@pytest.mark.parametrize("pattern", Pattern)
def test_without_the_cache_reads_and_writes_go_on_and_the_slots_are_owed(notes, pattern, cache_server, redis_queue):
    notes.get_many([1, 2])
    cache_server.kill()
    assert notes.get(1).title == "a0"
    written = notes.via(pattern).update(1, title="a1")
    assert written.title == notes.get(1).title == "a1"
    assert set(notes.get_many([1, 2, 99])) == {1, 2}
    assert owed(redis_queue) == 1
    notes.flush()
    assert owed(redis_queue) == 1, "as long as the cache is away it stays owed"
    assert stored_title() == "a1"
    cache_server.start()
    until(lambda: notes.flush() == 0 and owed(redis_queue) == 0, timeout=3)
    assert notes.get(1).title == "a1"


@pytest.mark.parametrize("pattern", Pattern)
def test_a_slot_that_could_not_be_reached_is_emptied_once_it_can_be(notes, pattern, cache_server, redis_queue):
    """Paused, not killed: it comes back with the old value in it."""
    notes.get(1)
    with paused(cache_server.pid):
        notes.via(pattern).update(1, title="a1")
    until(lambda: notes.flush() == 0 and owed(redis_queue) == 0, timeout=5)
    assert notes.get(1).title == stored_title() == "a1"


def test_a_delete_and_a_save_without_the_cache_are_owed(notes, cache_server, redis_queue):
    notes.get_many([1, 2])
    cache_server.kill()
    Note.objects.get(pk=1).delete()
    note = Note.objects.get(pk=2)
    note.title = "a1"
    note.save()
    assert owed(redis_queue) == 2
    with pytest.raises(Note.DoesNotExist):
        notes.get(1)


@pytest.mark.parametrize("pattern", Pattern)
def test_a_cache_without_memory_that_evicts_nothing_returns_no_old_value(notes, pattern, redis_cache, redis_queue):
    notes.get(1)
    with without_memory(redis_cache):
        notes.via(pattern).update(1, title="a1")
        assert notes.get(1).title == "a1"
        assert owed(redis_queue) == 0


def test_a_cache_that_is_busy_with_somebodys_script_counts_as_down(notes, redis_cache):
    notes.get(1)
    endless = redis.Redis.from_url(os.environ["CACHEDEMO_CACHE_URL"], socket_timeout=30)
    script = threading.Thread(target=lambda: killed(endless.eval, "while true do end", 0))
    with configured(redis_cache, busy_reply_threshold=50):
        script.start()
        try:
            until(lambda: refused_as_busy(redis_cache))
            assert_down(notes)
            assert notes.update(1, title="a1").title == notes.get(1).title == "a1"
        finally:
            redis_cache.script_kill()
            script.join()


def assert_down(notes):
    """What the cache answers counts as no answer: the reads come from the database."""
    assert notes.read(1, with_ttl=True).origin == "source"
    assert notes.get_many([1, 2])[1].title == "a0"


def killed(call, *arguments):
    with contextlib.suppress(redis.RedisError):
        call(*arguments)


@pytest.mark.parametrize("command", ["pttl", "get"])
def test_a_cache_that_forbids_one_command_of_several_counts_as_down(notes, redis_cache, settings, command):
    notes.get(1)
    with forbidden(redis_cache, settings, "CACHE_URL", command):
        assert_down(notes)


def refused_as_busy(client):
    try:
        return not client.ping()
    except redis.ResponseError as error:
        return "BUSY" in str(error)


def test_all_that_is_owed_is_worked_off_at_once(notes, redis_queue):
    notes.table.queue.owe(range(5 * queue.REAP_LIMIT // 2))
    notes.flush()
    assert owed(redis_queue) == 0


def test_a_cache_that_refuses_every_command_counts_as_down_inside_a_pipeline_too(notes, redis_cache, cache_server):
    notes.get(1)
    with configured(redis_cache, replica_serve_stale_data="no"):
        redis_cache.replicaof("127.0.0.1", 1)  # nobody is there: it answers MASTERDOWN
        try:
            with pytest.raises(CacheUnavailable, match="a replica whose primary is away"):
                roles.CACHE.command("GET", "any")
            assert_down(notes)
        finally:
            redis_cache.replicaof("NO", "ONE")
