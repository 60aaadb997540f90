"""The scan that the pages live on: what it counts, and that it is nobody's page view."""

import time
from typing import Any

import pytest
import redis

from cachedemo import cache_for, tasks
from cachedemo.exceptions import CacheUnavailable
from cachedemo.operations import keyspace
from cachedemo.protocol import stats
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE
from config.celery import app
from users.models import User


def put(client: redis.Redis, count: int, prefix: str, seconds: int) -> None:
    with client.pipeline() as pipe:
        for number in range(count):
            pipe.set(f"{prefix}{number}", "x" * 50, ex=seconds)
        pipe.execute()


def test_keys_are_counted_by_version_and_by_whose_they_are(redis_cache: redis.Redis) -> None:
    put(redis_cache, 1200, "v2:user:", 60)
    put(redis_cache, 30, "v1:user:", 60)
    put(redis_cache, 4, "v1:nobody:", 60)
    put(redis_cache, 3, "celery-task-meta-", 60)
    put(redis_cache, 2, "_kombu.binding.", 60)
    put(redis_cache, 2, "django.contrib.sessions.cache", 60)
    put(redis_cache, 1, "else", 60)
    found = keyspace.scan()
    assert {name: group.keys for name, group in found.groups.items()} == {
        "v2:user:": 1200,
        "v1:user:": 30,
        "v1:nobody:": 4,
        "Celery": 5,
        "sessions": 2,
        "others": 1,
    }
    assert sum(group.keys for group in found.of_model("user")) == 1230
    assert sum(group.keys for group in keyspace.foreign(found)) == 12


def test_lifetimes_are_a_histogram_and_keys_without_one_are_counted(redis_cache: redis.Redis) -> None:
    for count, seconds in ((1, 4), (2, 14), (3, 29), (4, 59), (5, 299), (6, 3599), (7, 7200)):
        put(redis_cache, count, f"v2:user:{seconds}-", seconds)
    redis_cache.set("v2:user:forever", "x")
    group = keyspace.scan().groups["v2:user:"]
    assert group.ttls == [1, 2, 3, 4, 5, 6, 7]
    assert group.without_ttl == 1
    redis_cache.delete("v2:user:forever")


def test_memory_is_sampled_and_near_the_truth(redis_cache: redis.Redis) -> None:
    put(redis_cache, 2000, "v2:user:", 60)
    group = keyspace.scan().groups["v2:user:"]
    assert 0 < group.sampled < 100
    truth = sum(redis_cache.memory_usage(f"v2:user:{number}") for number in range(2000))
    assert group.memory == pytest.approx(truth, rel=0.1)


def test_the_task_keeps_the_count_with_its_time_and_notes_memory_for_the_chart(redis_cache: redis.Redis) -> None:
    put(redis_cache, 5, "v2:user:", 60)
    tasks.scan()
    kept = keyspace.parse(QUEUE.command("GET", ours(keyspace.KEY)))
    assert kept is not None
    assert kept.groups["v2:user:"].keys == 5
    assert time.time() - kept.at < 5
    now = time.time()
    minutes = stats.by_minute(QUEUE.pipeline(stats.queries(2, now)), 2, now)
    assert any(minute.get("memory", 0) > 100_000 for minute in minutes.values())


def test_a_cache_that_is_down_keeps_the_last_count(people: list[User], broken_cache: Any) -> None:
    cache_for(User).warm([1, 2, 3])
    tasks.scan()
    with broken_cache():
        with pytest.raises(CacheUnavailable):
            keyspace.keep()
        tasks.scan()
        kept = keyspace.parse(QUEUE.command("GET", ours(keyspace.KEY)))
        assert kept is not None
        assert kept.groups["v2:user:"].keys == 3


def test_beat_asks_for_it_once_a_minute_and_leaves_no_pile() -> None:
    entry = app.conf.beat_schedule["scan"]
    assert entry["task"] == tasks.scan.name
    assert entry["schedule"] == entry["options"]["expires"] == 60


def test_a_scan_blocks_the_server_for_no_longer_than_a_moment(redis_cache: redis.Redis) -> None:
    put(redis_cache, 20_000, "v2:user:", 60)
    redis_cache.config_resetstat()
    keyspace.scan()
    script = redis_cache.info("commandstats")["cmdstat_evalsha"]
    assert script["calls"] >= 20_000 / keyspace.BATCH / 2
    assert script["usec_per_call"] < 20_000
