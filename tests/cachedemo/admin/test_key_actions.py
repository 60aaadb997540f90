"""What can be done to one key."""

from typing import Any

import redis
from django.test import Client

from tests.helpers import past_cachedemo
from tests.operators import key_page, press
from users.models import User


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
