"""The search for keys: what it shows of each, and that it finds every one."""

from typing import Any

import pytest
import redis
from django.test import Client

from cachedemo.operations import keyspace
from tests.operators import text, url
from users.models import User


def test_a_search_shows_kind_lifetime_and_size(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.warm([1, 2])
    with pytest.raises(User.DoesNotExist):
        users.read(99)
    redis_cache.set("celery-task-1", "x", ex=60)
    seen = text(client.get(url("keys") + "?prefix=v2:user:"))
    assert "v2:user:1 value" in seen
    assert "v2:user:99 missing" in seen
    assert "celery" not in seen
    assert "celery-task-1 not ours (string)" in text(client.get(url("keys") + "?prefix=cel"))


def test_a_long_search_goes_on_from_its_cursor_and_finds_every_key(client: Client, redis_cache: redis.Redis) -> None:
    redis_cache.mset({f"v2:user:{pk}": "x" for pk in range(12_000)})
    found, cursor, pages = set(), "0", 0
    while cursor and pages < 400:
        page = client.get(url("keys"), {"prefix": "v2:user:1", "cursor": cursor})
        found |= {key.key for key in page.context["found"]}
        cursor, pages = str(page.context["next"] or ""), pages + 1
    assert found == {f"v2:user:{pk}" for pk in range(12_000) if str(pk).startswith("1")}
    assert pages > 10
    redis_cache.flushdb()


def test_the_keys_stand_in_a_tree_that_beat_has_counted(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.warm([1, 2, 3])
    redis_cache.set("v1:user:1", "x", ex=60)
    redis_cache.set("celery-task-1", "x", ex=60)
    assert "Not counted yet" in text(client.get(url("keys")))
    keyspace.keep()
    page = client.get(url("keys"))
    newest, oldest, foreign = page.context["tree"]
    assert [branch.name for branch in (newest, oldest, foreign)] == ["v2:", "v1:", "not ours"]
    assert [(leaf.prefix, leaf.keys) for leaf in newest.branches if leaf.name == "user:"] == [("v2:user:", 3)]
    assert [(leaf.name, leaf.keys, leaf.prefix) for leaf in foreign.branches] == [("Celery", 1, "")]
    assert 'href="?prefix=v2%3Auser%3A"' in page.content.decode()
    assert "1 key, about" in text(page)
