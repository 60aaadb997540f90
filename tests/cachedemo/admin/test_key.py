"""The page of one key: its value beside the waiting write and the row, and what can be done to it."""

from typing import Any

import redis
from django.test import Client

from tests.helpers import past_cachedemo
from tests.operators import key_page, press, text
from users.models import User


def test_a_key_is_shown_beside_the_pending_write_and_the_row(client: Client, users: Any) -> None:
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    page = client.get(key_page("v2:user:1"))
    rows = {row.name: (row.cached, row.pending, row.row, row.differs) for row in page.context["rows"]}
    assert rows["name"] == ("Al", "Al", "Alice Singh", True)
    assert rows["email"] == ("alice@example.com", None, "alice@example.com", False)
    assert "differs" in text(page)


def test_a_key_of_somebody_else_is_named_and_not_opened(client: Client, redis_cache: redis.Redis) -> None:
    redis_cache.set("celery-task-1", "secret", ex=60)
    page = client.get(key_page("celery-task-1"))
    assert "not ours" in text(page)
    assert "secret" not in text(page)
    assert 'method="post" action="/admin/cachedemo' not in page.content.decode()


def test_a_key_is_deleted_and_a_lifetime_set(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    assert "v2:user:1 lives 7 s from now" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")
    assert 0 < redis_cache.ttl("v2:user:1") <= 7
    for nonsense in ("0", "-5", "x", "1e3", "86401", ""):
        assert "A TTL is a whole number" in press(client, key_page("v2:user:1"), "set-ttl", seconds=nonsense)
    assert "v2:user:1 was deleted" in press(client, key_page("v2:user:1"), "delete-key")
    assert redis_cache.exists("v2:user:1") == 0
    assert "is gone" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")


def test_no_lifetime_is_set_on_a_writers_mark(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.table.slots.mark(1, "0123456789abcdef")
    assert "is a mark now" in press(client, key_page("v2:user:1"), "set-ttl", seconds="7")
    assert redis_cache.ttl("v2:user:1") > 7


def test_a_refresh_loads_what_every_read_returns(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    past_cachedemo(User).filter(pk=1).update(email="past@cachedemo.example")
    assert b"alice@example.com" in redis_cache.get("v2:user:1")
    assert "was loaded from the database" in press(client, key_page("v2:user:1"), "refresh-key")
    assert b"past@cachedemo.example" in redis_cache.get("v2:user:1")
    assert b'"Al"' in redis_cache.get("v2:user:1")
