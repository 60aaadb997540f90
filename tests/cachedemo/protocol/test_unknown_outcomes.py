"""Only what is certain is called "nothing was written": an exception out of nowhere undoes nothing that may be done."""

import sys
import threading
from pathlib import Path

import pytest
import redis
from billiard.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models.signals import post_save

from cachedemo import cache_for
from cachedemo.exceptions import ForeignData, OutcomeUnknown, QueueUnavailable, SourceUnavailable
from cachedemo.protocol import database, queue, slots, wake
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.servers import roles
from tests.helpers import entries, past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note
from tests.servers import asked_again, forbidden

SYNCHRONOUS = ("cache-aside", "write-through")
OWED = "{flush:notes}:owed"


@pytest.fixture
def notes(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0")])
    notes = cache_for(Note)
    notes.announce()
    notes.get(1)
    return notes


def stored():
    return Note.objects.values_list("title", flat=True).get(pk=1)


def come_to_rest(notes, redis_queue):
    """The deadline of whoever is owed passes, and the next flush sees to it."""
    for owed in redis_queue.zrange(OWED, 0, -1):
        redis_queue.zadd(OWED, {owed: 0})
    notes.drain(timeout=5)
    assert redis_queue.zcard(OWED) == 0


def committing_then(error, monkeypatch):
    """COMMIT arrives, and then this is raised."""
    connection = connections["default"]

    def committed():
        type(connection).commit(connection)
        raise error

    monkeypatch.setattr(connection, "commit", committed)


# The database


@pytest.mark.parametrize("pattern", SYNCHRONOUS)
@pytest.mark.parametrize("surprise", [SoftTimeLimitExceeded, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_exception_out_of_nowhere_after_commit_passes_and_undoes_nothing(
    notes, pattern, surprise, monkeypatch, redis_cache, redis_queue
):
    with monkeypatch.context() as patch:
        committing_then(surprise(), patch)
        with pytest.raises(surprise):
            notes.via(pattern).update(1, title="a1")
    kind = b"T" if pattern == "write-through" else b"V"  # cache-aside puts no mark: it fills nothing
    assert redis_cache.get("v1:note:1").startswith(kind)
    assert redis_queue.zcard(OWED) == 1
    come_to_rest(notes, redis_queue)
    assert notes.get(1).title == stored() == "a1"


@pytest.mark.parametrize("pattern", SYNCHRONOUS)
def test_one_between_the_commit_and_the_finish_undoes_nothing(notes, pattern, monkeypatch, redis_queue):
    def interrupted(*_):
        raise SoftTimeLimitExceeded

    with monkeypatch.context() as patch:
        patch.setattr(Codec, "encode", interrupted)
        with pytest.raises(SoftTimeLimitExceeded):
            notes.via(pattern).update(1, title="a1")
    come_to_rest(notes, redis_queue)
    assert notes.get(1).title == stored() == "a1"


@pytest.mark.parametrize("pattern", SYNCHRONOUS)
def test_one_before_the_commit_puts_the_old_value_back(notes, pattern, monkeypatch, redis_cache, redis_queue):
    slot = redis_cache.get("v1:note:1")
    monkeypatch.setattr(database, "apply", raising(SoftTimeLimitExceeded()))
    with pytest.raises(SoftTimeLimitExceeded):
        notes.via(pattern).update(1, title="a1")
    assert redis_cache.get("v1:note:1") == slot
    assert redis_queue.zcard(OWED) == 0
    assert stored() == "a0"


def raising(error):
    def work(*_, **__):
        raise error

    return work


def test_a_commit_that_the_database_refuses_is_a_refusal(notes, monkeypatch, redis_cache):
    """As PostgreSQL does with a deferred constraint."""
    slot = redis_cache.get("v1:note:1")
    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "commit", raising(IntegrityError("deferred")))
        with pytest.raises(IntegrityError):
            notes.via("write-through").update(1, title="a1")
    assert redis_cache.get("v1:note:1") == slot


@pytest.fixture
def on_commit_hook(notes):
    """`on_commit_hook(work)` is run after the commit of the next save of a note."""
    receivers = []

    def connect(work):
        def receive(instance, **_):
            transaction.on_commit(work)

        receivers.append(receive)
        post_save.connect(receive, sender=Note, weak=False)

    yield connect
    for receive in receivers:
        post_save.disconnect(receive, sender=Note)


@pytest.mark.parametrize(
    "error",
    [
        ValidationError("no"),
        ValueError("no"),
        IntegrityError("no"),
        OperationalError("no"),
        Note.DoesNotExist("no"),
        QueueUnavailable("no"),
    ],
)
def test_a_hook_that_fails_after_the_commit_of_a_create_is_no_refusal(notes, on_commit_hook, error, redis_cache):
    on_commit_hook(raising(error))
    for pattern in SYNCHRONOUS:
        with pytest.raises(OutcomeUnknown, match="has the write, but what follows it failed"):
            notes.via(pattern).create(id=7, title="new")
        assert notes.get(7).title == "new"
        Note.objects.filter(pk=7).delete()


def test_a_task_that_is_interrupted_in_a_hook_of_a_create_leaves_the_mark(notes, on_commit_hook, redis_cache):
    on_commit_hook(raising(SoftTimeLimitExceeded()))
    with pytest.raises(SoftTimeLimitExceeded):
        notes.via("write-through").create(id=7, title="new")
    assert redis_cache.get("v1:note:7").startswith(b"T")
    assert notes.get(7).title == "new"


def test_a_create_that_did_not_come_to_its_commit_takes_its_mark_away(notes, monkeypatch, redis_cache):
    monkeypatch.setattr(database, "lock", raising(SourceUnavailable("gone")))
    with pytest.raises(SourceUnavailable):
        notes.create(id=7, title="new")
    assert redis_cache.get("v1:note:7") is None


class Interruption:
    """Raises an exception before a line of the code under test, as a signal may, in this thread."""

    PROTOCOL = ("synchronous", "database_write", "database", "slots", "queue", "owed", "waiting")
    DJANGO = ("__exit__", "commit", "set_autocommit", "run_and_clear_commit_hooks", "rollback")

    def __init__(self, after):
        self.left = after

    def __call__(self, frame, event, argument):
        return self.line if self._is_ours(frame.f_code) else None

    def _is_ours(self, code):
        file = Path(code.co_filename)
        if "django/db" in code.co_filename:
            return file.stem in ("transaction", "base") and code.co_name in self.DJANGO
        return file.parent.name == "patterns" or (file.parent.name == "protocol" and file.stem in self.PROTOCOL)

    def line(self, frame, event, argument):
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise SoftTimeLimitExceeded
        return self.line


def interrupted_after(lines, work):
    """Run `work` in a thread and a connection of its own; return whether it was interrupted."""
    ends = []

    def run():
        tracer = Interruption(lines)
        sys.settrace(tracer)
        try:
            work()
        except BaseException as error:
            ends.append(type(error).__name__)
        finally:
            sys.settrace(None)
            connections.close_all()
        ends.append(tracer.left <= 0)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return ends[-1]


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_wherever_it_is_interrupted_what_is_cached_is_what_is_stored(notes, pattern, redis_queue):
    """Before each line of ours and of Django's transactions; afterwards what is owed is worked off."""
    lines = acknowledged = 0
    went_on = True
    while went_on:
        lines += 1
        notes.get(1)
        went_on = interrupted_after(lines, lambda: notes.via(pattern).update(1, title=f"a{lines}"))  # noqa: B023
        come_to_rest(notes, redis_queue)
        assert notes.get(1).title == stored(), f"interrupted before line {lines}"
        acknowledged += stored() == f"a{lines}"
    assert stored() == f"a{lines}"
    assert 1 < acknowledged < lines


# The queue


def taken_by_the_queue(redis_queue):
    return b"title" in entries(redis_queue, "{flush:notes}:row:1")


def test_with_cache_and_queue_gone_right_after_the_enqueue_nobody_says_that_nothing_was_written(
    notes, cache_server, queue_server
):
    with interleaving() as actor:
        writer = actor(lambda: notes.via("write-behind").update(1, title="a1")).step("enqueue")
        cache_server.kill()
        queue_server.kill()
        with pytest.raises(OutcomeUnknown, match="The queue has the write"):
            writer.finish()
    cache_server.start()
    queue_server.start()
    asked_again()
    notes.drain(timeout=5)
    assert notes.get(1).title == stored() == "a1"


@pytest.mark.parametrize("error", [ForeignData("no"), ValueError("no"), QueueUnavailable("no")])
@pytest.mark.parametrize("step", [(slots.Slots, "publish"), (wake, "wake"), (Codec, "overlay"), (queue, "texts")])
def test_whatever_fails_after_the_enqueue_is_no_refusal(notes, step, error, monkeypatch, redis_queue):
    monkeypatch.setattr(*step, raising(error))
    with pytest.raises(OutcomeUnknown):
        notes.via("write-behind").update(1, title="a1")
    assert taken_by_the_queue(redis_queue)


@pytest.mark.parametrize("surprise", [SoftTimeLimitExceeded, KeyboardInterrupt])
def test_an_exception_out_of_nowhere_after_the_enqueue_passes_and_takes_nothing_back(notes, surprise, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(slots.Slots, "publish", raising(surprise()))
        with pytest.raises(surprise):
            notes.via("write-behind").update(1, title="a1")
    notes.drain(timeout=5)
    assert notes.get(1).title == stored() == "a1"


def test_a_process_without_a_thread_to_ask_for_a_flush_acknowledges_all_the_same(notes, monkeypatch):
    monkeypatch.setattr(wake, "_thread", None)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", raising(RuntimeError("can't start new thread")))
        assert notes.via("write-behind").update(1, title="a1").title == "a1"
    asked = threading.Event()
    monkeypatch.setattr(wake, "_ask", lambda name: asked.set())
    wake.wake("flush:notes")
    assert asked.wait(5)


def test_a_script_that_fails_halfway_is_no_refusal(notes, redis_queue):
    redis_queue.set("flush:notes", "somebody else's")
    with pytest.raises(OutcomeUnknown, match="may have the write or not"):
        notes.via("write-behind").update(1, title="a1")
    assert taken_by_the_queue(redis_queue)


def test_a_script_that_may_not_send_one_of_its_commands_is_no_refusal(notes, redis_queue, settings):
    unknown = pytest.raises(OutcomeUnknown, match="may have the write or not")
    with forbidden(redis_queue, settings, "QUEUE_URL", "rpush"), unknown:
        notes.via("write-behind").update(1, title="a1")
    assert taken_by_the_queue(redis_queue)


def test_a_queue_that_takes_the_write_and_then_refuses_to_say_whether_it_is_on_disk(notes, monkeypatch, redis_queue):
    """Somebody's endless script began between the two commands."""
    pipeline = roles.Role._pipeline

    def busy(role, commands):
        answers = pipeline(role, commands)
        is_on_disk = commands[-1][0] == "WAITAOF"
        return [answers[0], redis.ResponseError("BUSY a script is running")] if is_on_disk else answers

    monkeypatch.setattr(notes.table.options, "fsync_within", 0.5)
    monkeypatch.setattr(roles.Role, "_pipeline", busy)
    with pytest.raises(OutcomeUnknown, match="whether the write is on disk"):
        notes.via("write-behind").update(1, title="a1")
    assert taken_by_the_queue(redis_queue)


# After the commit


@pytest.mark.parametrize("pattern", SYNCHRONOUS)
@pytest.mark.parametrize("key", ["versions", "owed"])
def test_foreign_data_met_after_the_commit_is_no_refusal(notes, pattern, key, redis_queue):
    with interleaving() as actor:
        writer = actor(lambda: notes.via(pattern).update(1, title="a1")).until("settle_up")
        redis_queue.set("{flush:notes}:" + key, "somebody else's")
        with pytest.raises(OutcomeUnknown, match="The database has the write"):
            writer.finish()
    redis_queue.delete("{flush:notes}:" + key)
    assert stored() == "a1"


@pytest.mark.parametrize("pattern", SYNCHRONOUS)
@pytest.mark.parametrize("step", [(Codec, "encode"), (slots.Slots, "finish"), (DatabaseWrite, "_leave")])
def test_whatever_fails_after_the_commit_is_no_refusal(notes, pattern, step, monkeypatch):
    monkeypatch.setattr(*step, raising(ValueError("no")))
    with pytest.raises(OutcomeUnknown, match="The database has the write"):
        notes.via(pattern).update(1, title="a1")
    assert stored() == "a1"
    with pytest.raises(OutcomeUnknown, match="The database has the write"):
        notes.via(pattern).create(id=7, title="new")
    assert Note.objects.filter(pk=7).exists()


@pytest.mark.parametrize("pattern", ["write-behind", *SYNCHRONOUS])
def test_a_row_that_cannot_be_shown_after_its_write_is_no_refusal(notes, pattern, monkeypatch):
    monkeypatch.setattr(type(notes.table), "instance", raising(ValueError("no")))
    with pytest.raises(OutcomeUnknown, match="has the write"):
        notes.via(pattern).update(1, title="a1")


def test_a_save_that_cannot_show_what_it_carried_is_no_refusal(notes, monkeypatch):
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, body="b1")
    note.title = "a1"
    monkeypatch.setattr("cachedemo.patterns.saving.Save._show", raising(OperationalError("gone")))
    with pytest.raises(OutcomeUnknown, match="The database has the write"):
        note.save()
    assert stored() == "a1"
