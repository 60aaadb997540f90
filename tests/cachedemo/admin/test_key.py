"""The page of one key: its value beside the waiting write and the row."""

from typing import Any

import redis
from django.test import Client

from tests.operators import key_page, text


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
