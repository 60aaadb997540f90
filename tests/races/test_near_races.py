"""Every mutant of the model of the near cache (tests/near_model.py), forced on the real code: who goes how far.

What one process hears is held up here by standing between the listener and the copies, and a read is held up between
its GET and the copy that it makes.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.db import connection

from cachedemo.protocol import near_copies, slots
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import tracking
from cachedemo.servers.roles import CACHE
from tests import near_notes
from tests.helpers import until
from tests.near_notes import copied, heard_all
from tests.notes.models import Note

NEAR = 0.5


@pytest.fixture
def near(notes: Any) -> Iterator[Any]:
    """The cache of two notes, which are copied."""
    with near_notes.registered(NEAR) as cache:
        copied(cache, 1, 2)
        yield cache


@pytest.fixture
def key(near: Any) -> str:
    return str(near.table.slots.key(1))


def title(near: Any) -> str:
    return str(json.loads(near.read(1).body)["title"])


def elsewhere(redis_cache: redis.Redis, near: Any, key: str) -> None:
    """Let another process have written the row: all that this one can know of it is what the server says."""
    Note.objects.filter(pk=1).values("pk")  # nothing of it through this process
    slot = redis_cache.get(key)
    assert isinstance(slot, bytes)
    redis_cache.set(key, slot.replace(b'"a0"', b'"a1"'), px=60_000)


def before_the_copy(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Let something happen once between a read's GET and the copy that it makes."""
    plain, left = COPIES.keep, [happens]

    def keep(*arguments: Any) -> None:
        while left:
            left.pop()()
        plain(*arguments)

    monkeypatch.setattr(COPIES, "keep", keep)


def test_what_has_changed_since_its_get_is_not_copied(
    near: Any, key: str, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    COPIES.forget([key])
    before_the_copy(monkeypatch, lambda: (elsewhere(redis_cache, near, key), heard_all()))
    assert title(near) == "a0"
    assert title(near) == "a1"


def test_what_changes_while_it_is_copied_is_not_copied(near: Any, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    COPIES.forget([key])
    plain = near_copies.conf.get_valid

    def get_valid(name: str) -> Any:
        if name == "NEAR_BYTES":  # asked for as the last thing before the copy is put there
            COPIES.changed([key])
        return plain(name)

    monkeypatch.setattr(near_copies.conf, "get_valid", get_valid)
    near.read(1)
    monkeypatch.undo()
    assert key not in COPIES.by_key


def test_without_a_pong_no_copy_is_returned(
    near: Any, key: str, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says is held up, and so is its PONG: then nothing is known."""
    listener = COPIES._listener(key)
    go_on, plain = threading.Event(), COPIES.changed

    def held_up(keys: Any) -> None:
        go_on.wait(20)
        plain(keys)

    monkeypatch.setattr(COPIES, "changed", held_up)
    elsewhere(redis_cache, near, key)
    acknowledged = time.monotonic()
    try:
        until(lambda: title(near) == "a1")
        assert listener.feed is not None
        assert listener.feed.confirmed <= acknowledged
    finally:
        go_on.set()


def test_a_pong_is_as_old_as_its_ping(
    near: Any, key: str, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes late, behind it what has changed since: so it says nothing of that."""
    plain, seen = tracking.Listener._take, dict[str, Any]()
    done = threading.Event()

    def late(self: Any, connection: Any, feed: Any, timeout: float, **options: Any) -> None:
        if not self._expected or not connection.can_read(2) or done.is_set():
            return plain(self, connection, feed, timeout, **options)
        elsewhere(redis_cache, near, key)  # the answer is there already, and not read yet
        seen["acknowledged"] = time.monotonic()
        while self._expected:
            plain(self, connection, feed, timeout, **options)
        seen["confirmed"] = feed.confirmed
        done.set()
        return None

    monkeypatch.setattr(COPIES, "changed", lambda keys: None)
    monkeypatch.setattr(tracking.Listener, "_take", late)
    assert done.wait(20)
    assert seen["confirmed"] < seen["acknowledged"]


def test_a_copy_of_a_lost_connection_is_none(near: Any, key: str, redis_cache: redis.Redis) -> None:
    """What was said in between nobody has heard."""
    near_notes.cut(redis_cache)
    elsewhere(redis_cache, near, key)
    heard_all()  # on the next connection
    assert title(near) == "a1"


def test_nothing_at_all_is_everything(near: Any, key: str, redis_cache: redis.Redis) -> None:
    redis_cache.flushdb()
    heard_all()
    assert key not in COPIES.by_key
    assert near.read(1).origin == "source"


def test_what_was_asked_for_before_anybody_listened_is_not_copied(
    near: Any, key: str, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is there, and says nothing of these keys yet."""
    other = near_notes.cache_for(near_notes.Note)
    listener = COPIES._listener(key)
    assert listener.feed is not None
    COPIES.forget([key])
    monkeypatch.setattr(listener.feed, "prefixes", frozenset({"v1:other:"}))
    monkeypatch.setattr(listener, "_wanted", lambda: frozenset({"v1:other:"}))
    assert other.table.near is not None
    assert other.table.near.keeper(other.table.places, 1) is None
    other.read(1)
    assert key not in COPIES.by_key


def own(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is heard, so that what the process does itself is all that it knows."""
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)


def test_the_copy_of_what_the_process_writes_is_dropped(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own(near, monkeypatch)
    copied(near, 1)
    near.via("write-behind").update(1, title="a1")
    assert title(near) == "a1"


def test_a_read_under_way_does_not_copy_what_the_process_writes_over(
    near: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(near, monkeypatch)
    COPIES.forget([key])
    before_the_copy(monkeypatch, lambda: Note.objects.filter(pk=1).update(title="a1"))
    assert title(near) == "a0"
    assert title(near) == "a1"


def test_a_copy_that_is_made_between_the_commit_and_the_finish_is_dropped(
    near: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(near, monkeypatch)
    plain, read = CACHE.script, []

    def read_twice() -> None:
        read.extend([near.read(1), near.read(1)])
        connection.close()  # this thread's own

    def script(which: Any, *arguments: Any, **options: Any) -> Any:
        if which is slots._finish:
            thread = threading.Thread(target=read_twice)  # in no transaction
            thread.start()
            thread.join()
        return plain(which, *arguments, **options)

    monkeypatch.setattr(CACHE, "script", script)
    note = Note.objects.get(pk=1)
    note.title = "a1"
    note.save()
    assert [entry.origin for entry in read][1] == "near"
    assert title(near) == "a1"


def test_a_mark_is_not_copied(near: Any, key: str, redis_cache: redis.Redis) -> None:
    """It may lapse, and no server says so before somebody asks."""
    near.table.slots.mark(1, "0123456789abcdef")
    heard_all()
    near.read(1)
    near.read(1)
    assert key not in COPIES.by_key
    near.table.slots.unmark(1, "0123456789abcdef")
