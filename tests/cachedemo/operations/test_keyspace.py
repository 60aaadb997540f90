"""The scan that the pages live on: what it counts, and that it is nobody's page view."""

import time
from collections.abc import Callable, Iterator
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
from tests.servers import forbidden
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


@pytest.fixture
def ours_alone(redis_cache: redis.Redis, settings: Any) -> Iterator[Callable[[str], None]]:
    def limit(rights: str) -> None:
        redis_cache.execute_command("ACL", "SETUSER", "ours", "reset", "on", ">x", "~v2:user:*", *rights.split())
        url = settings.CACHEDEMO["CACHE_URL"].replace("redis://", "redis://ours:x@")
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}

    yield limit
    redis_cache.execute_command("ACL", "DELUSER", "ours")


@pytest.mark.parametrize("rights", ["+@all", "+@all -memory", "+@all -pttl"])
def test_what_the_user_may_not_look_at_is_counted_all_the_same(
    redis_cache: redis.Redis, ours_alone: Callable[[str], None], rights: str
) -> None:
    put(redis_cache, 20, "v2:user:", 60)
    put(redis_cache, 300, "another program's:", 60)
    ours_alone(rights)
    found = keyspace.scan().groups
    assert {name: group.keys for name, group in found.items()} == {"v2:user:": 20, "others": 300}
    assert sum(found["v2:user:"].ttls) == (0 if "pttl" in rights else 20)
    assert (found["v2:user:"].memory is None) == ("memory" in rights)
    assert found["others"].memory is None
    assert sum(found["others"].ttls) == found["others"].without_ttl == 0


def test_a_survey_is_kept_where_the_user_may_not_send_info(redis_cache: redis.Redis, settings: Any) -> None:
    put(redis_cache, 20, "v2:user:", 60)
    with forbidden(redis_cache, settings, "CACHE_URL", "info"):
        keyspace.keep()
    kept = keyspace.parse(QUEUE.command("GET", ours(keyspace.KEY)))
    assert kept is not None
    assert kept.groups["v2:user:"].keys == 20


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
