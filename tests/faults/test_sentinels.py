"""Cache and queue behind real sentinels: failovers by SIGKILL and SIGSTOP, and sentinels that do not agree."""

import os
import signal

import pytest

from cachedemo.exceptions import CachedemoError, CacheUnavailable
from cachedemo.servers import roles
from cachedemo.servers.roles import CACHE
from tests.helpers import until
from tests.sentinels import guarded

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def cache(settings, tmp_path, notes):
    with guarded(tmp_path) as cache:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": cache.url()}
        roles.reset()
        notes.get(1)
        yield cache
    roles.reset()


def kill(server):
    server.kill()


def stop(server):
    os.kill(server.pid, signal.SIGSTOP)


@pytest.mark.parametrize("fault", [kill, stop], ids=["SIGKILL", "SIGSTOP"])
def test_a_cache_fails_over_and_nothing_old_is_read(notes, cache, fault):
    assert notes.read(1).origin == "cache"
    primary = cache.primary()
    fault(primary)
    try:
        notes.update(1, title="a1")
        until(lambda: cache.primary() is not primary, timeout=30)
        assert notes.get(1).title == "a1"
        until(lambda: notes.read(1).origin == "cache", timeout=20)
        assert notes.get(1).title == "a1"
    finally:
        os.kill(primary.pid, signal.SIGCONT) if fault is stop else None


def acknowledged(notes, number):
    try:
        notes.via("write-behind").update(1, size=number)
    except CachedemoError:
        return False
    return True


def test_a_queue_fails_over_within_seconds(notes, settings, tmp_path, redis_queue):
    notes.get(1)
    with guarded(tmp_path, "queue") as queue:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": queue.url(1)}
        roles.reset()
        assert acknowledged(notes, 1)
        primary = queue.primary()
        primary.kill()
        until(lambda: acknowledged(notes, 2), timeout=30)
        notes.drain(timeout=10)
        assert notes.get(1).size == 2
    roles.reset()


def test_where_no_majority_names_the_primary_it_is_not_asked(notes, cache):
    """It still answers, and may have been cut off from those that make another one primary."""
    stopped = [int(sentinel.info("server")["process_id"]) for sentinel in cache.sentinels[:2]]
    in_use = CACHE.client().connection_pool.get_connection()
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        until(unavailable, timeout=15)
        until(lambda: not in_use.is_connected, timeout=15)
        CACHE.reset()  # the breaker says less
        with pytest.raises(CacheUnavailable, match="1 of 3 sentinels name one"):
            CACHE.command("PING")
        assert notes.read(1).origin == "source"
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)


def unavailable():
    try:
        CACHE.command("PING")
    except CacheUnavailable:
        return True
    return False
