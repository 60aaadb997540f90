"""Reads that go past redis-py's `execute_command`: what it did besides sending is still done."""

from typing import Any

import pytest
from redis.connection import AbstractConnection

from cachedemo.exceptions import CacheUnavailable, ForeignData
from cachedemo.servers import roles
from cachedemo.servers.roles import CACHE


@pytest.mark.parametrize("read", [CACHE.get, lambda key: CACHE.get_many([key])[0]], ids=["GET", "MGET"])
def test_after_a_read_was_interrupted_nobody_gets_its_answer(redis_cache: Any, read: Any, monkeypatch: Any) -> None:
    redis_cache.mset({"v1:it:1": "one", "v1:it:2": "two"})
    for key in ("v1:it:1", "v1:it:2"):
        redis_cache.expire(key, 60)
    assert read("v1:it:1") == b"one"

    def interrupted(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    redis_cache.client_pause(300)  # ms: the answer is late, so that nobody finds it when the connection is taken again
    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "read_response", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read("v1:it:1")
    assert read("v1:it:2") == b"two"


def test_a_key_of_another_type_is_named_and_costs_no_connection(redis_cache: Any) -> None:
    redis_cache.rpush("v1:it:1", "a")
    redis_cache.expire("v1:it:1", 60)
    CACHE.command("PING")
    before = CACHE.command("CLIENT ID")
    with pytest.raises(ForeignData, match="v1:it:1"):
        CACHE.get("v1:it:1")
    assert CACHE.get_many(["v1:it:1"]) == [None]
    assert CACHE.command("CLIENT ID") == before


def test_a_connection_that_the_server_has_closed_is_noticed_before_a_read(redis_cache: Any) -> None:
    CACHE.command("PING")
    mine = CACHE.command("CLIENT ID")
    redis_cache.client_kill_filter(_id=mine)
    assert CACHE.get("v1:it:1") is None


@pytest.mark.parametrize("read", [CACHE.get, lambda key: CACHE.get_many([key])], ids=["GET", "MGET"])
def test_a_read_that_gets_no_answer_counts_as_any_command(redis_cache: Any, read: Any) -> None:
    CACHE.command("PING")
    redis_cache.client_pause(1500)  # ms, more than our timeout
    with pytest.raises(CacheUnavailable, match="in time"):
        read("v1:it:1")
    assert CACHE.breaker.troubled
    redis_cache.client_unpause()
    roles.reset()
