"""The overview: what it answers first, and that it costs a fixed handful of calls."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.test import Client

from cachedemo.operations import keyspace, workers
from cachedemo.protocol import stats
from cachedemo.protocol.batch_owner import process_name
from cachedemo.servers.roles import CACHE
from tests.helpers import until
from tests.operators import text, url
from tests.servers import configured


def test_the_overview_answers_the_first_questions(client: Client, users: Any) -> None:
    users.warm([1, 2, 3])
    users.read_many([1, 2, 3])
    users.via("write-behind").update(1, name="Al")
    stats.send()
    keyspace.keep()
    workers.say()
    seen = text(client.get(url("changelist")))
    assert "Hit ratio, last minute" in seen
    assert "Keys and memory 3" in seen
    assert "of 64.0 MB" in seen
    assert "Pending writes 1" in seen
    assert "Dead letters 0" in seen
    assert f"Workers alive 1 {process_name()}" in seen
    assert "Circuit breaker Closed" in seen
    assert "No loss on disk before it is acknowledged (AOF, fsync always)" in seen
    assert "v2:user: current 3" in seen
    assert re.search(rf"FLUSHDB {CACHE.address} 3 keys now; 0 not ours when they were counted \d s ago;", seen)
    assert "1 pending write that would survive" in seen


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("appendfsync", "everysec", "Up to 2 s of acknowledged writes may be lost"), ("appendonly", "no", "In memory")],
)
def test_a_queue_that_may_lose_writes_is_called_so(
    client: Client, redis_queue: redis.Redis, option: str, value: str, words: str
) -> None:
    with configured(redis_queue, **{option: value}):
        assert words in text(client.get(url("changelist")))


def test_the_overviews_own_calls_are_a_fixed_handful(
    client: Client, users: Any, redis_cache: redis.Redis, assert_cache_trips: Any
) -> None:
    with assert_cache_trips(cache=1, queue=1):
        client.get(url("changelist"))
    redis_cache.mset({f"v2:user:{pk}": "x" for pk in range(5000)})
    with assert_cache_trips(cache=1, queue=1):
        client.get(url("changelist") + "?range=1d")
    redis_cache.flushdb()


def test_a_worker_says_that_it_is_alive_and_counts_the_keys(
    client: Client, users: Any, start_worker: Callable[..., Any]
) -> None:
    users.warm([1, 2, 3])
    worker = start_worker("--pool=solo")
    until(lambda: "v2:user: current 3" in text(client.get(url("changelist"))))
    assert f":{worker.pid}" in text(client.get(url("changelist")))
    worker.terminate()
    worker.wait(15)
    assert "Workers alive 0" in text(client.get(url("changelist")))
