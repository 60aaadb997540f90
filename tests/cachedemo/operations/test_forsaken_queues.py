"""Writes that wait in a queue that no registration has any more are told, and those in anybody's own are not."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cachedemo import registry
from cachedemo.exceptions import QueueUnavailable
from cachedemo.operations import forsaken_queues, ping, startup
from cachedemo.servers.roles import QUEUE
from tests.notes.models import Note

PENDING = "{flush:notes}:pending"


@contextlib.contextmanager
def renamed(redis_queue: Any, seconds: float = 2 * forsaken_queues.PATIENCE) -> Iterator[None]:
    """A write has waited so long, and the model has another queue now."""
    cache = registry.cache_for(Note)
    cache.via("write-behind").update(1, title="waits")
    redis_queue.zadd(PENDING, {"1": int((time.time() - seconds) * 1_000_000)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "queue", "flush:renamed")
        yield


def test_what_waits_in_a_queue_that_was_renamed_is_told(notes: Any, redis_queue: Any, caplog: Any) -> None:
    with renamed(redis_queue):
        [said] = forsaken_queues.sentences()
        assert said.startswith("In flush:notes wait writes of 1 row of notes.Note, and no registration")
        assert said.endswith("or set queue = 'flush:notes' in the registration.")
        assert said in ping.warnings(QUEUE)
        startup.announce_all()
        assert said in caplog.messages
    assert forsaken_queues.sentences() == []


def test_what_a_worker_of_the_release_before_may_still_flush_is_not(notes: Any, redis_queue: Any) -> None:
    with renamed(redis_queue, seconds=5):
        assert forsaken_queues.sentences() == []


def test_a_queue_in_which_nothing_waits_is_not(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.update(1, title="a1")
    monkeypatch.setattr(notes, "queue", "flush:renamed")
    assert forsaken_queues.sentences() == []


def test_without_the_queue_server_nobody_can_tell(notes: Any, broken_queue: Any) -> None:
    with broken_queue(), pytest.raises(QueueUnavailable):
        forsaken_queues.sentences()
