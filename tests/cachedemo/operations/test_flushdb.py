"""FLUSHDB of the cache database: what it meets, what stops it, and what survives it."""

from typing import Any

import pytest
import redis
from django.contrib.auth import get_user_model

from cachedemo import cache_for
from cachedemo.operations import flushdb, history, keyspace
from cachedemo.servers import queue_durability
from cachedemo.servers.roles import CACHE
from tests.helpers import entries
from tests.operators import ALL, client_of, operator, text, token, url
from users.models import User


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ALLOW_FLUSHDB": True}


@pytest.fixture
def client(people: list[User], allowed: None) -> Any:
    cache_for(User).warm([1, 2, 3])
    keyspace.keep()
    return client_of(operator(*ALL))


def press(client: Any, typed: str = "", page: Any = None) -> str:
    """Do what somebody does who sees the page and presses the button; return what the next page says."""
    page = page or client.get(url("danger"))
    return text(client.post(url("flushdb"), {"token": token(page, "flushdb"), "database": typed}, follow=True))


def test_it_empties_the_cache_and_says_what_went(client: Any, redis_cache: redis.Redis) -> None:
    assert "3 keys gone" in press(client, CACHE.address)
    assert redis_cache.dbsize() == 0
    assert redis_cache.info("commandstats")["cmdstat_flushdb"]["calls"] == 1
    (event,) = history.events(history.entries())
    assert (event.action, event.target, event.outcome) == ("FLUSHDB", CACHE.address, "done")
    assert event.counts == {"keys": 3}
    assert [marked.code for marked in history.marked(event.at)] == ["flushdb"]


def test_it_loses_no_pending_write(client: Any, redis_cache: redis.Redis) -> None:
    users = cache_for(User)
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name=f"new {pk}")
    page = client.get(url("danger"))
    assert "Pending writes 3" in text(page)
    assert "Pending writes survive by design" in text(page)
    press(client, CACHE.address)
    assert redis_cache.dbsize() == 0
    assert [users.get(pk).name for pk in (1, 2, 3)] == ["new 1", "new 2", "new 3"]
    users.drain(timeout=5)
    assert list(User.objects.values_list("name", flat=True)) == ["new 1", "new 2", "new 3"]


def test_it_is_off_unless_the_setting_says_so_even_for_a_superuser(
    people: list[User], redis_cache: redis.Redis
) -> None:
    root = get_user_model().objects.create_superuser("root")
    client = client_of(root)
    cache_for(User).warm([1])
    page = client.get(url("danger"))
    assert "a superuser is not exempt" in text(page)
    assert url("flushdb") not in page.content.decode()
    with pytest.raises(flushdb.FlushRefused, match="ALLOW_FLUSHDB in CACHEDEMO is off"):
        flushdb.flush(1, CACHE.address)
    assert redis_cache.dbsize() == 1


def test_outside_debug_the_database_is_typed(client: Any, redis_cache: redis.Redis) -> None:
    for typed in ("", "0", CACHE.address + "1"):
        assert f"Type {CACHE.address} to empty it" in press(client, typed)
    assert redis_cache.dbsize() == 3


def test_under_debug_nothing_is_typed_where_all_keys_are_ours(
    client: Any, settings: Any, redis_cache: redis.Redis
) -> None:
    settings.DEBUG = True
    assert "Type" not in text(client.get(url("danger"))).split("Pending writes survive")[1]
    press(client)
    assert redis_cache.dbsize() == 0


def test_with_celerys_keys_there_the_database_is_typed(client: Any, settings: Any, redis_cache: redis.Redis) -> None:
    settings.DEBUG = True
    redis_cache.set("celery-task-meta-1", "x", ex=60)
    redis_cache.set(":1:django.contrib.sessions.cache-abc", "x", ex=60)
    keyspace.keep()
    page = client.get(url("danger"))
    assert "1 of Celery" in text(page)
    assert "1 of sessions" in text(page)
    assert "keys that are not ours are there (1 of Celery, 1 of sessions)" in press(client, "", page)
    assert redis_cache.dbsize() == 5
    press(client, CACHE.address)
    assert redis_cache.dbsize() == 0


def test_keys_of_others_that_came_after_the_count_are_noticed(
    client: Any, settings: Any, redis_cache: redis.Redis
) -> None:
    settings.DEBUG = True
    redis_cache.mset({f"v2:user:{pk}": "x" for pk in range(100, 130)})
    for pk in range(100, 130):
        redis_cache.expire(f"v2:user:{pk}", 60)
    page = client.get(url("danger"))
    redis_cache.set("celery-task-meta-1", "x", ex=60)
    assert "1 of Celery" in press(client, "", page)
    assert redis_cache.dbsize() == 34


@pytest.mark.parametrize("more", [1, -1])
def test_keys_off_by_more_than_a_tenth_since_it_was_shown_ask_again(
    client: Any, redis_cache: redis.Redis, more: int
) -> None:
    page = client.get(url("danger"))
    if more > 0:
        redis_cache.set("v2:user:9", "x", ex=60)
    else:
        redis_cache.delete("v2:user:1")
    assert f"You were shown 3 keys, but now there are {3 + more}" in press(client, CACHE.address, page)
    assert redis_cache.dbsize() == 3 + more


def test_a_tenth_more_or_less_is_no_matter(client: Any, redis_cache: redis.Redis) -> None:
    for pk in range(100, 117):
        redis_cache.set(f"v2:user:{pk}", "x", ex=60)
    page = client.get(url("danger"))
    redis_cache.set("v2:user:118", "x", ex=60)
    redis_cache.set("v2:user:119", "x", ex=60)
    press(client, CACHE.address, page)
    assert redis_cache.dbsize() == 0


def test_it_is_refused_where_the_queue_lives_in_that_database(
    client: Any, settings: Any, redis_queue: redis.Redis, queue_server: Any
) -> None:
    page = client.get(url("danger"))
    by_another_name = queue_server.url(1).replace("127.0.0.1", "localhost")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": by_another_name}
    cache_for(User).via("write-behind").update(1, name="Al")
    shown = text(client.get(url("danger")))
    assert "Refused. The queue lives in this database" in shown
    assert url("flushdb") not in client.get(url("danger")).content.decode()
    with pytest.raises(flushdb.FlushRefused, match="The queue lives in this database"):
        flushdb.flush(redis_queue.dbsize(), CACHE.address)
    press(client, CACHE.address, page)
    assert entries(redis_queue, "{flush:users}:row:1").keys() == {b"name"}


def test_another_database_of_the_queues_server_is_another(settings: Any, queue_server: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": queue_server.url(5)}
    assert not queue_durability.is_one_database()


def test_the_page_is_never_polled(client: Any) -> None:
    html = client.get(url("danger")).content.decode()
    assert "hx-" not in html
    assert "data-cd-interval" not in html


def test_one_fetch_of_the_page_scans_nothing(client: Any, redis_cache: redis.Redis) -> None:
    redis_cache.config_resetstat()
    client.get(url("danger"))
    stats = redis_cache.info("commandstats")
    assert (
        "cmdstat_scan" not in stats
    )  # scripts are no sign: a thread looks once a second whether the cache takes writes
