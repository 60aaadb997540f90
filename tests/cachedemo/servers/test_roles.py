"""The clients of the two servers, in processes with many threads."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.conf import settings

from cachedemo.exceptions import QueueUnavailable
from cachedemo.servers import roles
from cachedemo.servers.greeting import NOT_LEARNED
from cachedemo.servers.roles import CACHE, QUEUE


@pytest.mark.parametrize("role", [CACHE, QUEUE], ids=["cache", "queue"])
def test_threads_whose_first_commands_come_at_once_share_one_client(role, monkeypatch):
    opened, connect = [], roles.client_for

    def slowly(*arguments, **options):
        client = connect(*arguments, **options)
        time.sleep(0.05)  # time for the others to come to the same point
        if threading.current_thread().name.startswith("first"):  # and not one that counts, at the other role
            opened.append(client)
        return client

    monkeypatch.setattr(roles, "client_for", slowly)
    role.reset()
    together = threading.Barrier(8)

    def first_command(number: int) -> bytes:
        together.wait()
        [answer] = role.pipeline([("ECHO", f"{number}")])
        return answer

    with ThreadPoolExecutor(8, "first") as threads:
        answers = list(threads.map(first_command, range(8)))
    assert answers == [f"{number}".encode() for number in range(8)]
    assert len(opened) == 1


def test_a_client_that_a_reset_has_overtaken_is_not_kept(monkeypatch):
    """Its connections tell those of before which server is there: whoever asks now would never learn it."""
    connect = roles.client_for

    def overtaken(*arguments, **options):
        monkeypatch.setattr(roles, "client_for", connect)
        client = connect(*arguments, **options)
        CACHE.reset()
        return client

    monkeypatch.setattr(roles, "client_for", overtaken)
    CACHE.reset()
    assert CACHE.command("PING")
    assert CACHE.server() != NOT_LEARNED


def test_a_command_that_fails_after_a_reset_says_nothing_of_the_server_of_now(monkeypatch):
    """It was sent to the server of before, which may have ended since."""

    def fail(words):
        QUEUE.reset()
        raise redis.exceptions.ConnectionError("of the server of before")

    monkeypatch.setitem(settings.CACHEDEMO, "BREAKER_FAILURES", 1)
    monkeypatch.setattr(QUEUE, "_command", fail)
    with pytest.raises(QueueUnavailable):
        QUEUE.command("PING")
    monkeypatch.undo()
    assert not QUEUE.breaker.troubled
    assert QUEUE.command("PING")


def test_a_pipeline_under_way_outlives_a_reset():
    """redis-py closes the connections of a client that nobody holds any more, those in use too."""
    role, answers = QUEUE, []
    started = threading.Event()

    def slow_command():
        started.set()
        answers.extend(role.pipeline([("BLPOP", "nothing", "0.3"), ("ECHO", "done")]))

    thread = threading.Thread(target=slow_command)
    thread.start()
    started.wait()
    time.sleep(0.1)
    role.reset()
    thread.join()
    assert answers == [None, b"done"]


def test_a_connection_stays_open_for_its_user_when_another_thread_resets_the_role():
    """redis-py closes all connections of a client that nobody holds any more, those in use too."""
    CACHE.command("PING")

    def used(connection):
        CACHE._let_go()
        gc.collect()
        assert connection.is_connected

    CACHE._on_a_connection(used)
