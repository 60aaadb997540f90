"""Deleting all keys that begin with some text: a dry run first, only ours, and as much as was shown."""

from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.operators import press, text, token, url

OLD = [f"v1:user:{pk}" for pk in range(10)]


@pytest.fixture
def old(client: Client, users: Any, redis_cache: redis.Redis) -> str:
    """Keys of another version, one of the current one, and one that is not ours; returns the page of the old ones."""
    users.read(1)
    for key in (*OLD, "v1:stranger:1"):
        redis_cache.set(key, "x", ex=60)
    return f"{url('keys')}?prefix=v1:user:"


def left(redis_cache: redis.Redis) -> list[str]:
    return sorted(key.decode() for key in redis_cache.scan_iter())


def test_nothing_is_deleted_before_a_dry_run(client: Client, old: str, redis_cache: redis.Redis) -> None:
    assert "First a dry run" in text(client.get(old))
    assert "Dry run: 10 keys that begin with v1:user: would be deleted." in press(client, old, "count-prefix")
    assert len(left(redis_cache)) == 12


def test_what_was_counted_is_deleted_and_nothing_else(client: Client, old: str, redis_cache: redis.Redis) -> None:
    press(client, old, "count-prefix")
    assert "10 keys would be deleted" in text(client.get(old))
    said = press(client, old, "delete-prefix", prefix="v1:user:")
    assert "Deleted 10 keys that began with v1:user:. Writes that wait are safe." in said
    assert left(redis_cache) == ["v1:stranger:1", "v2:user:1"]
    assert "10 keys" in LogEntry.objects.get(object_id="delete-prefix").change_message
    assert "First a dry run" in text(client.get(old))  # the next one counts anew


def test_the_prefix_is_typed_in_production(client: Client, old: str, redis_cache: redis.Redis, settings: Any) -> None:
    settings.DEBUG = False
    press(client, old, "count-prefix")
    assert "Type v1:user: to delete its keys." in press(client, old, "delete-prefix", prefix="v2:user:")
    assert len(left(redis_cache)) == 12


def test_more_keys_than_were_shown_are_not_deleted(client: Client, old: str, redis_cache: redis.Redis) -> None:
    press(client, old, "count-prefix")
    form = {"token": token(client.get(old), "delete-prefix"), "prefix": "v1:user:"}
    for pk in range(100, 110):
        redis_cache.set(f"v1:user:{pk}", "x", ex=60)
    page = text(client.post(url("delete-prefix"), form, follow=True))
    assert "You were shown 10 keys, but now there are 20: count again." in page
    assert len(left(redis_cache)) == 22


@pytest.mark.parametrize("prefix", ["", "v", "v1:", "v1:use", "v1:stranger:", "celery"])
def test_what_is_not_wholly_ours_is_not_offered(client: Client, old: str, prefix: str) -> None:
    assert "Delete all that begin" not in text(client.get(url("keys"), {"prefix": prefix}))


def test_what_waits_stays(client: Client, users: Any, redis_cache: redis.Redis) -> None:
    users.via("write-behind").update(1, name="Al")
    here = f"{url('keys')}?prefix=v2:user:1"
    press(client, here, "count-prefix")
    press(client, here, "delete-prefix", prefix="v2:user:1")
    assert redis_cache.exists("v2:user:1") == 0
    assert users.get(1).name == "Al"
