"""Only what is certain is called "nothing was written": an exception out of nowhere undoes nothing that may be done."""

import sys
import threading
from pathlib import Path

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models.signals import post_save

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable, SourceUnavailable
from cachedemo.protocol import database
from cachedemo.protocol.codec import Codec
from tests.helpers import past_cachedemo
from tests.notes.models import Note

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
    assert redis_cache.get("v1:note:1").startswith(b"T"), "nobody fills before it is worked off"
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
