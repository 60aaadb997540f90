"""When a server is down: what is served, what is refused, and that nothing acknowledged is lost."""

import contextlib
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.db import OperationalError, connections

from cachedemo import Pattern, cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable, SourceUnavailable
from cachedemo.protocol import database, queue
from cachedemo.servers import breaker, client, roles
from tests.helpers import until
from tests.notes.models import Note, Tag


@pytest.fixture
def notes(transactional_db):
    Note.objects.bulk_create([Note(pk=pk, title="a0", body="b0") for pk in (1, 2)])
    notes = cache_for(Note)
    notes.announce()
    return notes


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A sleeping server costs less time than in production; what happens then is the same."""
    monkeypatch.setattr(client, "SOCKET_TIMEOUT", 0.3)
    roles.reset()


@pytest.fixture
def loose(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "STRICT_READS": False}


def stored(pk=1):
    return Note.objects.values_list("title", flat=True).get(pk=pk)


def away(*arguments, **options):
    with database.answering():
        raise OperationalError("no database today")


# The cache is down


@pytest.mark.parametrize("pattern", Pattern)
def test_without_the_cache_reads_and_writes_go_on_and_the_slots_are_owed(notes, pattern, cache_server, redis_queue):
    notes.get_many([1, 2])
    cache_server.kill()
    assert notes.get(1).title == "a0"
    written = notes.via(pattern).update(1, title="a1")
    assert written.title == notes.get(1).title == "a1"
    assert set(notes.get_many([1, 2, 99])) == {1, 2}
    assert redis_queue.zcard("{flush:notes}:owed") == 1
    notes.flush()
    assert redis_queue.zcard("{flush:notes}:owed") == 1, "as long as the cache is away it stays owed"
    assert stored() == "a1"
    cache_server.start()
    until(lambda: notes.flush() == 0 and redis_queue.zcard("{flush:notes}:owed") == 0, timeout=3)
    assert notes.get(1).title == "a1"


@pytest.mark.parametrize("pattern", Pattern)
def test_a_slot_that_could_not_be_reached_is_emptied_once_it_can_be(notes, pattern, cache_server, redis_queue):
    """Paused, not killed: it comes back with the old value in it."""
    notes.get(1)
    os.kill(cache_server.pid, signal.SIGSTOP)
    notes.via(pattern).update(1, title="a1")
    os.kill(cache_server.pid, signal.SIGCONT)
    until(lambda: notes.flush() == 0 and redis_queue.zcard("{flush:notes}:owed") == 0, timeout=5)
    assert notes.get(1).title == stored() == "a1"


def test_a_delete_and_a_save_without_the_cache_are_owed(notes, cache_server, redis_queue):
    notes.get_many([1, 2])
    cache_server.kill()
    Note.objects.get(pk=1).delete()
    note = Note.objects.get(pk=2)
    note.title = "a1"
    note.save()
    assert redis_queue.zcard("{flush:notes}:owed") == 2
    with pytest.raises(Note.DoesNotExist):
        notes.get(1)


def test_the_breaker_opens_after_a_few_failures_and_closes_when_the_server_is_back(notes, cache_server, monkeypatch):
    cache_server.kill()
    sent = []
    send = roles.Role._command
    monkeypatch.setattr(roles.Role, "_command", lambda role, words: sent.append(role.name) or send(role, words))
    for _ in range(20):
        notes.get(1)
    assert roles.CACHE.breaker.state == "open"
    assert breaker.FAILURES <= sent.count("cache") < breaker.FAILURES + 3
    cache_server.start()
    until(lambda: notes.read(1).origin == "cache", timeout=5)
    assert roles.CACHE.breaker.state == "closed"


@pytest.fixture
def one_look_an_hour(monkeypatch):
    """Once a breaker is open, nobody is sent to look whether the server is back."""
    monkeypatch.setattr(breaker, "PAUSE", 3600.0)
    roles.reset()


@pytest.mark.parametrize("pattern", Pattern)
def test_a_writer_with_an_open_breaker_empties_a_slot_that_others_filled(
    notes, pattern, cache_server, one_look_an_hour, redis_cache, redis_queue
):
    """The cache is back, and others know it already: what they have filled must not outlive the write."""
    notes.get(1)
    older = redis_cache.get("v1:note:1")
    cache_server.kill()
    for _ in range(breaker.FAILURES):
        notes.get(1)
    cache_server.start()
    redis_cache.set("v1:note:1", older, ex=60)
    assert roles.CACHE.breaker.state == "open"
    notes.via(pattern).update(1, title="a1")
    assert redis_cache.get("v1:note:1") != older
    assert redis_queue.zcard("{flush:notes}:owed") == 0
    assert roles.CACHE.breaker.state == "closed", "a writer has found out that it is back"
    assert notes.get(1).title == "a1"


def test_a_cache_that_lets_writers_wait_is_not_asked_again(
    notes, cache_server, one_look_an_hour, redis_queue, monkeypatch
):
    notes.get_many([1, 2])
    os.kill(cache_server.pid, signal.SIGSTOP)
    for _ in range(breaker.FAILURES):
        notes.get(1)
    asked = []
    script = roles.Role._script
    monkeypatch.setattr(roles.Role, "_script", lambda role, *call: asked.append(role.name) or script(role, *call))
    notes.update(1, title="a1")
    assert set(asked) == {"queue"}
    os.kill(cache_server.pid, signal.SIGCONT)
    assert redis_queue.zcard("{flush:notes}:owed") == 1


def test_a_cache_that_slept_and_was_killed_is_asked_by_writers_again(
    notes, cache_server, redis_cache, redis_queue, monkeypatch
):
    """The last command met a timeout, but whoever looks whether it is back is refused at once by now."""
    notes.get(1)
    older = redis_cache.get("v1:note:1")
    os.kill(cache_server.pid, signal.SIGSTOP)
    for _ in range(breaker.FAILURES):
        notes.get(1)
    cache_server.kill()
    until(lambda: roles.CACHE.breaker._fails_fast)
    monkeypatch.setattr(roles.CACHE.breaker, "_ping", refuse)  # nobody but a writer finds out that it is back
    cache_server.start()
    redis_cache.set("v1:note:1", older, ex=60)
    notes.update(1, title="a1")
    assert redis_cache.get("v1:note:1") != older
    assert redis_queue.zcard("{flush:notes}:owed") == 0


def refuse():
    raise redis.ConnectionError("refused")


def test_no_request_waits_to_find_out_whether_a_server_is_back(notes, cache_server, monkeypatch):
    os.kill(cache_server.pid, signal.SIGSTOP)
    for _ in range(breaker.FAILURES):
        notes.get(1)
    until(lambda: roles.CACHE.breaker.state == "half-open")  # somebody waits for the sleeping server
    with monkeypatch.context() as patch:
        patch.setattr(roles.Role, "_command", away)
        with pytest.raises(roles.CACHE.unavailable, match="is not asked now"):
            roles.CACHE.command("GET", "v1:note:1")
    os.kill(cache_server.pid, signal.SIGCONT)
    until(lambda: roles.CACHE.breaker.state == "closed")


def test_an_answer_is_returned_although_another_thread_has_opened_the_breaker_meanwhile():
    troubled = breaker.Breaker(ping=_away, counts=lambda error: True, at_once=lambda error: True)
    troubled.note(OSError("once"))

    def answer():
        for _ in range(breaker.FAILURES):
            troubled.note(OSError("in another thread"))
        return "answer"

    assert troubled.call(answer) == "answer"


def _away():
    raise OSError("still away")


def opened(ping, monkeypatch):
    """A breaker that has just opened and looks again soon."""
    monkeypatch.setattr(breaker, "PAUSE", 0.01)
    opened = breaker.Breaker(ping, counts=lambda error: True, at_once=lambda error: True)
    for _ in range(breaker.FAILURES):
        opened.note(OSError("gone"))
    return opened


def test_a_wall_clock_that_is_set_back_does_not_keep_a_breaker_open(monkeypatch):
    back = threading.Event()
    troubled = opened(lambda: back.is_set() or _away(), monkeypatch)
    troubled._breaker._state_storage.opened_at = datetime.now(UTC) + timedelta(hours=1)
    back.set()
    until(lambda: troubled.state == "closed")


def test_a_server_that_fails_slowly_is_not_asked_by_writers(monkeypatch):
    def slowly():
        time.sleep(2 * breaker.FAST)
        raise OSError("hung up")

    troubled = opened(slowly, monkeypatch)
    until(lambda: not troubled._fails_fast)
    with pytest.raises(breaker.Open):
        troubled.call(lambda: "sent", insist=True)


def test_a_process_without_a_thread_to_spare_is_refused_in_words_and_looks_later(notes, cache_server, monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    cache_server.kill()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        for _ in range(breaker.FAILURES + 1):
            assert notes.get(1).title == "a0"
    cache_server.start()
    notes.get(1)
    until(lambda: roles.CACHE.breaker.state == "closed")


@pytest.mark.parametrize("pattern", Pattern)
def test_a_cache_without_memory_that_evicts_nothing_returns_no_old_value(notes, pattern, redis_cache, redis_queue):
    notes.get(1)
    with without_memory(redis_cache):
        notes.via(pattern).update(1, title="a1")
        assert notes.get(1).title == "a1"
        assert redis_queue.zcard("{flush:notes}:owed") == 0


@contextlib.contextmanager
def without_memory(client):
    before = {name: client.config_get(name)[name] for name in ("maxmemory-policy", "maxmemory")}
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        for name, value in before.items():
            client.config_set(name, value)


def test_a_cache_that_is_busy_with_somebodys_script_counts_as_down(notes, redis_cache):
    notes.get(1)
    redis_cache.config_set("busy-reply-threshold", 50)
    endless = redis.Redis.from_url(os.environ["CACHEDEMO_CACHE_URL"], socket_timeout=30)
    script = threading.Thread(target=lambda: killed(endless.eval, "while true do end", 0))
    script.start()
    try:
        until(lambda: refused_as_busy(redis_cache))
        assert notes.read(1, with_ttl=True).origin == "source"
        assert notes.get_many([1, 2])[1].title == "a0"
        assert notes.update(1, title="a1").title == notes.get(1).title == "a1"
    finally:
        redis_cache.script_kill()
        script.join()
        redis_cache.config_set("busy-reply-threshold", 5000)


def killed(call, *arguments):
    with contextlib.suppress(redis.RedisError):
        call(*arguments)


@pytest.mark.parametrize("forbidden", ["pttl", "get"])
def test_a_cache_that_forbids_one_command_of_several_counts_as_down(notes, redis_cache, settings, forbidden):
    notes.get(1)
    redis_cache.execute_command("ACL", "SETUSER", "limited", "on", ">x", "~*", "&*", "+@all", f"-{forbidden}")
    limited = settings.CACHEDEMO["CACHE_URL"].replace("redis://", "redis://limited:x@")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": limited}
    roles.reset()
    try:
        assert notes.read(1, with_ttl=True).origin == "source"
        assert notes.get_many([1, 2])[1].title == "a0"
    finally:
        redis_cache.execute_command("ACL", "DELUSER", "limited")


def refused_as_busy(client):
    try:
        return not client.ping()
    except redis.ResponseError as error:
        return "BUSY" in str(error)


def test_all_that_is_owed_is_worked_off_at_once(notes, redis_queue):
    notes.table.queue.owe(range(5 * queue.REAP_LIMIT // 2))
    notes.flush()
    assert redis_queue.zcard("{flush:notes}:owed") == 0


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
    until(lambda: roles.QUEUE.breaker.state == "closed" or _answers())
    assert notes.get(1).title == "a1"
    notes.drain(timeout=5)
    assert stored() == "a1"


def _answers():
    try:
        return roles.QUEUE.command("PING")
    except QueueUnavailable:
        return False


# The source is down


def test_without_the_source_hits_are_served_and_write_behind_is_acknowledged(notes, monkeypatch):
    notes.get(1)
    with monkeypatch.context() as patch:
        for name in ("select", "select_many", "apply", "apply_many"):
            patch.setattr(database, name, away)
        assert notes.read(1).origin == "cache"
        notes.via("write-behind").update(1, title="a1")
        assert notes.get(1).title == "a1"
        with pytest.raises(SourceUnavailable):
            notes.get(2)
        with pytest.raises(SourceUnavailable):
            notes.via("write-behind").update(2, title="a1")
        for pattern in ("cache-aside", "write-through"):
            with pytest.raises(SourceUnavailable):
                notes.via(pattern).update(1, title="a2")
        assert notes.read(1).origin == "cache", "a failed write leaves the cache warm"
    notes.drain(timeout=5)
    assert stored() == "a1"


def test_a_full_queue_and_no_source_is_a_refusal(notes, monkeypatch):
    monkeypatch.setattr(notes.table.options, "max_pending", 0)
    notes.get(1)
    monkeypatch.setattr(database, "apply", away)
    with pytest.raises(SourceUnavailable):
        notes.via("write-behind").update(1, title="a1")
    assert notes.table.queue.depth() == 0
    assert notes.get(1).title == "a0"


def test_an_unknown_outcome_is_never_an_acknowledgement(notes, monkeypatch, redis_cache, redis_queue):
    connection = connections["default"]
    notes.get(1)

    def lost():
        type(connection).commit(connection)
        raise OperationalError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "commit", lost)
        with pytest.raises(OutcomeUnknown):
            notes.via("write-through").update(1, title="a1")
    assert redis_cache.get("v1:note:1").startswith(b"T"), "nobody fills before it is worked off"
    for owed in redis_queue.zrange("{flush:notes}:owed", 0, -1):
        redis_queue.zadd("{flush:notes}:owed", {owed: 0})  # its deadline passes
    notes.flush()
    assert notes.get(1).title == stored() == "a1"


# A queue at its memory limit


def test_a_queue_without_memory_goes_write_through_and_still_drains(notes, redis_queue):
    notes.via("write-behind").update(1, title="waits")
    used = redis_queue.info("memory")["used_memory"]
    redis_queue.config_set("maxmemory", used // 2)
    try:
        written = notes.via("write-behind").write(2, {"title": "through"})
        assert (written.pattern, written.reason) == ("write-through", "full")
        assert stored(2) == "through"
        assert notes.drain(timeout=5) == 1
        assert stored(1) == "waits"
    finally:
        redis_queue.config_set("maxmemory", 0)


def test_a_process_that_starts_while_the_queue_has_no_memory_serves(notes, redis_queue):
    notes.table.announced = None
    with without_memory(redis_queue):
        assert notes.get(1).title == "a0"
        assert notes.via("write-behind").update(1, title="through").title == "through"
    assert stored() == "through"


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
    redis_queue.config_set("appendfsync", "no")
    try:
        with pytest.raises(OutcomeUnknown, match="on disk"):
            notes.via("write-behind").update(1, title="a1")
    finally:
        redis_queue.config_set("appendfsync", "always")


def test_a_queue_without_an_append_only_file_cannot_promise_it(notes, monkeypatch, redis_queue):
    monkeypatch.setattr(notes.table.options, "fsync_within", 0.5)
    redis_queue.config_set("appendonly", "no")
    try:
        with pytest.raises(OutcomeUnknown, match="WAITAOF"):
            notes.via("write-behind").update(1, title="a1")
    finally:
        redis_queue.config_set("appendonly", "yes")


# A model without a queue


def test_a_model_without_write_behind_needs_no_queue(transactional_db, queue_server, redis_cache):
    queue_server.kill()
    tags = cache_for(Tag)
    tag = tags.create(name="a0")
    assert tags.read(tag.pk).origin == "source"
    assert tags.read(tag.pk).origin == "cache"
    for pattern in ("cache-aside", "write-through"):
        assert tags.via(pattern).update(tag.pk, name=f"by {pattern}").name == f"by {pattern}"
        assert tags.get(tag.pk).name == f"by {pattern}"
    written = tags.via("write-behind").write(tag.pk, {"name": "behind"})
    assert (written.pattern, written.reason) == ("write-through", "no queue")
    stamp = Tag.objects.get(pk=tag.pk).cache_stamp
    Tag.objects.filter(pk=tag.pk).update(cache_stamp=stamp + 10**12)  # written by a machine whose clock is ahead
    assert tags.update(tag.pk, name="later").cache_stamp == stamp + 10**12 + 1
    assert tags.get(tag.pk).name == "later"
    Tag.objects.filter(pk=tag.pk).update(name="bulk")
    tags.evict([tag.pk])
    assert tags.get(tag.pk).name == "bulk"
    tags.delete(tag.pk)
    with pytest.raises(Tag.DoesNotExist):
        tags.get(tag.pk)
    assert tags.drain(timeout=1) == 0


def test_a_cache_that_refuses_every_command_counts_as_down_inside_a_pipeline_too(notes, redis_cache, cache_server):
    notes.get(1)
    redis_cache.config_set("replica-serve-stale-data", "no")
    redis_cache.replicaof("127.0.0.1", 1)  # nobody is there: it answers MASTERDOWN
    try:
        assert notes.read(1, with_ttl=True).origin == "source"
        assert notes.get_many([1, 2])[1].title == "a0"
    finally:
        redis_cache.replicaof("NO", "ONE")
        redis_cache.config_set("replica-serve-stale-data", "yes")
