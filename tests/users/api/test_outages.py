"""The HTTP API while a server or the database is down: hits and acknowledged writes go on, the rest is 503."""

import os
import signal
from typing import Any

import pytest
from django.test import Client

from tests.users.api.calls import JSON, OK, PATTERNS, many, one, problem
from users.models import User

pytestmark = pytest.mark.usefixtures("people", "open_access")


SLOT = b'V0000000000000000{"id": 1, "name": "A", "email": "alice@example.com", "visits": 0}'


def ways_to_write(client: Client, pattern: str) -> dict[str, Any]:
    return {
        "PATCH": client.patch(one(pattern), {"name": "Al"}, content_type=JSON),
        "PUT": client.put(one(pattern), OK, content_type=JSON),
        "POST": client.post(many(pattern), OK, content_type=JSON),
        "DELETE": client.delete(one(pattern)),
    }


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_the_queue_hits_are_served_and_everything_else_is_503(client, users, broken_queue, pattern):
    users.get(1)
    with broken_queue():
        assert client.get(one(pattern)).status_code == 200
        uncached = client.get(one(pattern, 2))
        assert "queue server" in problem(uncached, 503)["detail"]
        assert uncached["Retry-After"] == "1"
        problem(client.get(many(pattern), {"ids": "1,2"}), 503)
        for response in ways_to_write(client, pattern).values():
            problem(response, 503)
            assert response["Retry-After"] == "1"
            assert b"127.0.0.1" not in response.content
    assert list(User.objects.values_list("name", flat=True)) == ["Alice Singh", "Bob Pereira", "Carol Lee"]
    assert client.get(one(pattern)).json()["name"] == "Alice Singh"


def test_a_queue_that_hangs_is_503_within_seconds(client, queue_server):
    os.kill(queue_server.pid, signal.SIGSTOP)
    problem(client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON), 503)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_the_cache_writes_are_acknowledged_and_read_back(client, broken_cache, pattern):
    with broken_cache():
        response = client.patch(one(pattern), {"name": "Al"}, content_type=JSON)
        assert response.status_code in (200, 202)
        assert client.get(one(pattern)).json()["name"] == "Al"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_without_the_database_hits_are_served_and_writes_are_503(client, users, database_gone, redis_cache, pattern):
    redis_cache.set("v2:user:1", SLOT, ex=60)
    assert client.get(one(pattern)).status_code == 200
    assert "database" in problem(client.get(one(pattern, 2)), 503)["detail"]
    for response in ways_to_write(client, pattern).values():
        problem(response, 503)
        assert response["Retry-After"] == "1"
    assert client.get(one(pattern)).json()["name"] == "A"


def test_without_the_database_write_behind_is_acknowledged_for_what_is_cached(client, database_gone, redis_cache):
    redis_cache.set("v2:user:1", SLOT, ex=60)
    assert client.patch(one("write-behind"), {"name": "Al"}, content_type=JSON).status_code == 202
    assert client.get(one()).json()["name"] == "Al"
    problem(client.patch(one("write-behind", 2), {"name": "Bo"}, content_type=JSON), 503)
