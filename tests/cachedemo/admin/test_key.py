"""The page of one key: its value beside the waiting write and the row."""

from typing import Any

import redis
from django.test import Client

from tests.operators import key_page, text, url
from tests.servers import configured


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


def test_a_cache_that_does_not_answer_is_unknown_and_not_empty(client: Client, users: Any, cache_server: Any) -> None:
    users.read(1)
    users.via("write-behind").update(1, name="Al")
    cache_server.stop()
    page = text(client.get(key_page("v2:user:1")))
    assert "Kind unknown Time to live unknown Size unknown" in page
    assert "name unknown Al Alice Singh" in page
    assert "Unknown whether there is such a key" in text(client.get(key_page("celery-task-1")))


def test_a_queue_that_does_not_answer_is_unknown_and_not_empty(client: Client, users: Any, queue_server: Any) -> None:
    users.read(1)
    queue_server.stop()
    assert "name Alice Singh unknown Alice Singh" in text(client.get(key_page("v2:user:1")))


def test_commands_in_a_sentence_are_shown_as_code(client: Client, redis_queue: redis.Redis) -> None:
    with configured(redis_queue, appendfsync="everysec"):
        page = client.get(url("changelist")).content.decode()
    assert "<code>appendfsync always</code>" in page
    assert "`" not in text(client.get(url("changelist")))
