"""Broken servers: the errors are those of real connections, and afterwards everything is as it was."""

from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import override_settings

from cachedemo.exceptions import CacheUnavailable, QueueUnavailable
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.testing import broken_cache, broken_queue

ROLES = pytest.mark.parametrize(
    ("role", "broken", "unavailable"),
    [(CACHE, broken_cache, CacheUnavailable), (QUEUE, broken_queue, QueueUnavailable)],
    ids=["cache", "queue"],
)


@ROLES
def test_it_refuses_connections_and_is_back_afterwards(role: Any, broken: Any, unavailable: Any) -> None:
    assert role.command("PING")
    for _ in range(2):
        with broken():
            with pytest.raises(unavailable) as caught:
                role.command("PING")
            assert isinstance(caught.value.__cause__, redis.ConnectionError)
            assert "refused" in str(caught.value)
        assert role.command("PING")


@ROLES
def test_it_may_be_silent(role: Any, broken: Any, unavailable: Any, short_timeouts: None) -> None:
    with broken(silent=True):
        with pytest.raises(unavailable) as caught:
            role.command("PING")
        assert isinstance(caught.value.__cause__, redis.TimeoutError)
    assert role.command("PING")


@ROLES
def test_the_breaker_opens_and_is_closed_afterwards(role: Any, broken: Any, unavailable: Any) -> None:
    with broken():
        while role.breaker.state != "open":
            with pytest.raises(unavailable):
                role.command("PING")
    assert role.breaker.state == "closed"
    assert role.command("PING")


def test_the_other_server_is_there(notes: Any) -> None:
    with broken_cache():
        assert QUEUE.command("PING")
        with broken_queue(), pytest.raises(QueueUnavailable):
            QUEUE.command("PING")
        assert QUEUE.command("PING")
        with pytest.raises(CacheUnavailable):
            CACHE.command("PING")


def test_it_stays_broken_under_other_settings(notes: Any) -> None:
    with broken_queue(), override_settings(CACHEDEMO={**settings.CACHEDEMO, "STRICT_READS": False}):
        assert notes.read(1).slot is None
    assert QUEUE.command("PING")


def test_it_is_back_after_an_error(notes: Any) -> None:
    with pytest.raises(QueueUnavailable), broken_queue():
        notes.via("write-behind").update(1, title="a1")
    assert QUEUE.command("PING")


def test_it_can_decorate_a_function(notes: Any) -> None:
    @broken_queue()
    def write() -> None:
        with pytest.raises(QueueUnavailable):
            notes.via("write-behind").update(1, title="a1")

    write()
    write()
    notes.via("write-behind").update(1, title="a1")
