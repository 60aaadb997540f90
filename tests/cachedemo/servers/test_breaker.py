"""The circuit breaker: when it opens, who still asks while it is open, and how it finds out that a server is back."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis

from cachedemo import Pattern, conf
from cachedemo.servers import breaker, roles
from tests.helpers import until
from tests.notes.rows import owed
from tests.servers import paused

FAILURES = conf.DEFAULTS["BREAKER_FAILURES"]

pytestmark = pytest.mark.usefixtures("short_timeouts")


def open_breaker(notes):
    """Read from a cache that does not answer, until its breaker is open."""
    for _ in range(FAILURES):
        notes.get(1)


def test_the_breaker_opens_after_a_few_failures_and_closes_when_the_server_is_back(notes, cache_server, monkeypatch):
    sent, told = [], []
    send, note = roles.Role._command, roles.CACHE.breaker.note
    monkeypatch.setattr(roles.Role, "_command", lambda role, words: sent.append(role.name) or send(role, words))
    monkeypatch.setattr(roles.CACHE.breaker, "note", lambda error, **how: told.append(error) or note(error, **how))
    cache_server.kill()
    for _ in range(20):
        notes.get(1)
    assert roles.CACHE.breaker.state == "open"
    assert len(told) >= FAILURES, "also by a thread that looks which server it is"
    assert sent.count("cache") < FAILURES + 3
    cache_server.start()
    until(lambda: notes.read(1).origin == "cache", timeout=5)
    assert roles.CACHE.breaker.state == "closed"


@pytest.fixture
def one_look_an_hour(settings):
    """Once a breaker is open, nobody is sent to look whether the server is back."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, "BREAKER_PAUSE": 3600.0}


@pytest.mark.parametrize("pattern", Pattern)
def test_a_writer_with_an_open_breaker_empties_a_slot_that_others_filled(
    notes, pattern, cache_server, one_look_an_hour, redis_cache, redis_queue
):
    """The cache is back, and others know it already: what they have filled must not outlive the write."""
    notes.get(1)
    older = redis_cache.get("v1:note:1")
    cache_server.kill()
    open_breaker(notes)
    cache_server.start()
    redis_cache.set("v1:note:1", older, ex=60)
    assert roles.CACHE.breaker.state == "open"
    notes.via(pattern).update(1, title="a1")
    assert redis_cache.get("v1:note:1") != older
    assert owed(redis_queue) == 0
    assert roles.CACHE.breaker.state == "closed", "a writer has found out that it is back"
    assert notes.get(1).title == "a1"


def test_a_cache_that_lets_writers_wait_is_not_asked_again(
    notes, cache_server, one_look_an_hour, redis_queue, monkeypatch
):
    notes.get_many([1, 2])
    asked = []
    script = roles.Role._script
    with paused(cache_server.pid):
        open_breaker(notes)
        monkeypatch.setattr(roles.Role, "_script", lambda role, *call: asked.append(role.name) or script(role, *call))
        notes.update(1, title="a1")
    assert set(asked) == {"queue"}
    assert owed(redis_queue) == 1


def test_a_cache_that_slept_and_was_killed_is_asked_by_writers_again(
    notes, cache_server, redis_cache, redis_queue, monkeypatch
):
    """The last command met a timeout, but by now the look whether it is back is refused at once."""
    notes.get(1)
    older = redis_cache.get("v1:note:1")
    os.kill(cache_server.pid, signal.SIGSTOP)
    open_breaker(notes)
    cache_server.kill()
    until(lambda: roles.CACHE.breaker._fails_fast)
    monkeypatch.setattr(roles.CACHE.breaker, "_ping", refuse)  # nobody but a writer finds out that it is back
    cache_server.start()
    redis_cache.set("v1:note:1", older, ex=60)
    notes.update(1, title="a1")
    assert redis_cache.get("v1:note:1") != older
    assert owed(redis_queue) == 0


def refuse(*_):
    raise redis.ConnectionError("refused")


def test_no_request_waits_to_find_out_whether_a_server_is_back(notes, cache_server, monkeypatch):
    with paused(cache_server.pid):
        open_breaker(notes)
        until(lambda: roles.CACHE.breaker.state == "half-open")  # somebody waits for the sleeping server
        with monkeypatch.context() as patch:
            patch.setattr(roles.Role, "_command", refuse)
            with pytest.raises(roles.CACHE.unavailable, match=r"does not answer in time: .* It is not asked now"):
                roles.CACHE.command("GET", "v1:note:1")
    until(lambda: roles.CACHE.breaker.state == "closed")


def test_an_answer_is_returned_although_another_thread_has_opened_the_breaker_meanwhile():
    troubled = breaker.Breaker(ping=still_away, counts=lambda error: True, at_once=lambda error: True)
    troubled.note(OSError("once"))

    def answer():
        for _ in range(FAILURES):
            troubled.note(OSError("in another thread"))
        return "answer"

    assert troubled.call(answer) == "answer"


def still_away():
    raise OSError("still away")


def opened(ping, settings):
    """A breaker that has just opened and looks again soon."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, "BREAKER_PAUSE": 0.01}
    opened = breaker.Breaker(ping, counts=lambda error: True, at_once=lambda error: True)
    for _ in range(FAILURES):
        opened.note(OSError("gone"))
    return opened


def test_a_wall_clock_that_is_set_back_does_not_keep_a_breaker_open(settings):
    back = threading.Event()
    troubled = opened(lambda: back.is_set() or still_away(), settings)
    troubled._breaker._state_storage.opened_at = datetime.now(UTC) + timedelta(hours=1)
    back.set()
    until(lambda: troubled.state == "closed")


def test_a_server_that_fails_slowly_is_not_asked_by_writers(settings):
    def slowly():
        time.sleep(2 * breaker.FAST)
        raise OSError("hung up")

    troubled = opened(slowly, settings)
    until(lambda: not troubled._fails_fast)
    with pytest.raises(breaker.Open):
        troubled.call(lambda: "sent", insist=True)


def test_a_process_without_a_thread_to_spare_is_refused_in_words_and_looks_later(notes, cache_server, monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    cache_server.kill()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        for _ in range(FAILURES + 1):
            assert notes.get(1).title == "a0"
    cache_server.start()
    notes.get(1)
    until(lambda: roles.CACHE.breaker.state == "closed")
