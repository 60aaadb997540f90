"""What is wrong stands first on the overview, in words, with its fix and a link; and nothing is, where nothing is."""

import time
from typing import Any

import pytest
import redis
from django.test import Client

from cachedemo.operations import keyspace, pause, workers
from cachedemo.protocol import stats
from tests.operators import text, url
from tests.servers import configured

WELL = "All is well"


@pytest.fixture(autouse=True)
def all_is_well(users: Any) -> None:
    users.announce()
    workers.say()
    keyspace.keep()


def words(client: Client) -> list[str]:
    return [fault.words for fault in client.get(url("changelist")).context["faults"]]


def test_nothing_is_wrong_where_all_is_well(client: Client) -> None:
    page = client.get(url("changelist"))
    assert page.context["faults"] == []
    assert WELL in text(page)


def test_each_thing_that_is_wrong_is_said_before_the_tiles_with_its_fix_and_a_link(client: Client, users: Any) -> None:
    pause.pause(users, "olga")
    page = client.get(url("changelist"))
    assert WELL not in text(page)
    said = "flush:users is paused (by olga, 0 s ago): writes wait. Resume it once the reason is gone. Flush queue"
    assert said in text(page)
    html = page.content.decode()
    assert html.index("is paused (by") < html.index("cd-tiles")
    assert f'<a href="{url("queue")}">Flush queue</a>' in html


def test_the_worst_comes_first(client: Client, users: Any) -> None:
    pause.pause(users, "olga")
    users.table.queue.enqueue(1, 0, 1000, {"email": "bob@example.com"}, None)
    [claim], _ = users.table.queue.claim(500, 600, 5)
    users.table.queue.bury(claim, "IntegrityError")
    first, second = words(client)
    assert first == "The database has refused 1 row of flush:users; reads still show what was written."
    assert "paused" in second
    assert "Pending writes 1 1 of them refused, not on the way" in text(client.get(url("changelist")))


def test_a_statement_that_is_refused_is_said(client: Client, users: Any) -> None:
    users.table.queue.stop("ProgrammingError: 42703 undefined_column")
    [fault] = client.get(url("changelist")).context["faults"]
    assert (fault.tone, fault.fix) == ("bad", "The database said: ProgrammingError: 42703 undefined_column")


def test_that_nobody_flushes_is_said(client: Client) -> None:
    workers.leave()
    assert words(client) == ["No worker is alive: writes are acknowledged and wait."]


def test_a_late_write_and_an_overdue_slot_are_said(client: Client, users: Any, redis_queue: redis.Redis) -> None:
    users.via("write-behind").update(1, name="x")
    redis_queue.zadd("{flush:users}:pending", {"1": (time.time() - 30) * 1_000_000})
    redis_queue.zadd("{flush:users}:owed", {"1:cache": (time.time() - 40) * 1_000_000})
    overdue, late = words(client)
    assert overdue == "Slots of flush:users should have been emptied 40 s ago: readers may see old values."
    assert late == "The oldest write in flush:users has waited for 30 s; a flush comes every second."


def test_a_queue_that_may_lose_writes_is_said(client: Client, redis_queue: redis.Redis) -> None:
    with configured(redis_queue, appendfsync="everysec"):
        [said] = words(client)
    assert said.startswith("Up to 2 s of acknowledged writes are lost when the queue server is killed.")


def test_that_beat_does_not_count_is_said(client: Client, redis_queue: redis.Redis) -> None:
    redis_queue.delete("{cachedemo}:keyspace")
    assert words(client) == ["The keys of the cache have never been counted."]


def test_a_cache_without_a_limit_is_said(client: Client, redis_cache: redis.Redis) -> None:
    with configured(redis_cache, maxmemory="0"):
        assert words(client) == ["The cache has no maxmemory: it grows until its machine has none left."]


def test_a_key_that_never_expires_is_said(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    redis_cache.persist("v2:user:1")
    keyspace.keep()
    redis_cache.delete("v2:user:1")
    assert words(client) == ["1 key of ours will never expire: something else has written or persisted them."]


def test_few_hits_are_said_only_where_many_read(client: Client, redis_queue: redis.Redis) -> None:
    hour, minute = divmod(int(time.time()) // 60, 60)
    redis_queue.hset(stats.bucket(hour), f"{minute}:source", 99)
    assert words(client) == []
    redis_queue.hset(stats.bucket(hour), f"{minute}:source", 100)
    assert words(client) == ["Only 0 % of the reads of the last minute hit the cache."]


def test_what_only_the_queue_could_tell_is_not_guessed_while_it_is_down(client: Client, queue_server: Any) -> None:
    queue_server.stop()
    page = client.get(url("changelist"))
    assert page.context["faults"] == []
    assert WELL not in text(page)
