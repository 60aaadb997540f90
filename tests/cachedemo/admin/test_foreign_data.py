"""What others left on the two servers, and odd requests: no page fails because of it."""

import time

import pytest

from cachedemo import cache_for
from cachedemo.operations import keyspace
from cachedemo.protocol import stats
from tests.operators import ALL, client_of, operator, text, token, url
from tests.servers import forbidden
from users.models import User


@pytest.mark.parametrize(
    ("command", "key", "words"),
    [
        ("HSET", "{flush:users}:versions", ("abc", "{}")),
        ("HSET", "{flush:users}:versions", ("1", "garbage")),
        ("HSET", "{flush:users}:dead", ("1", "garbage")),
        ("HSET", "{flush:users}:dead", (b"\xff", "{}")),
        ("SET", "{flush:users}:paused", ("garbage",)),
        ("SET", keyspace.KEY, ("garbage",)),
        ("HSET", stats.bucket(int(time.time()) // 3600), ("x:hits", "x")),
    ],
)
def test_what_somebody_else_left_on_the_queue_server_breaks_no_page(people, redis_queue, command, key, words):
    redis_queue.execute_command(command, key, *words)
    client = client_of(operator(*ALL))
    for name in ("changelist", "versions", "queue", "danger", "server"):
        assert client.get(url(name)).status_code == 200, name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v2:user:1", b'V%016d{"id": 1, "x": %b}' % (5, b"[" * 100_000 + b"]" * 100_000)),
        ("v2:user:1", b"V%016d{\xff}" % 5),
        (f"v{'9' * 4400}:user:1", b"x"),
        (b"v2:user:\xff\xfe", b"x"),
    ],
)
def test_what_somebody_else_left_in_the_cache_breaks_no_page(people, redis_cache, key, value):
    redis_cache.set(key, value, ex=60)
    keyspace.keep()
    client = client_of(operator(*ALL))
    for name in ("changelist", "versions", "danger"):
        assert client.get(url(name)).status_code == 200, name
    assert client.get(url("keys"), {"prefix": "v"}).status_code == 200
    assert client.get(url("key"), {"key": key}).status_code == 200


def test_odd_requests_are_answered(people, redis_cache):
    cache_for(User).read(1)
    client = client_of(operator(*ALL))
    for name, query in (
        ("keys", {"prefix": "v", "cursor": "9" * 26}),
        ("keys", {"prefix": "v", "cursor": "\u0661"}),
        ("history", {"who": "\0"}),
        ("history", {"action": "\0"}),
    ):
        answer = client.get(url(name), query)
        assert answer.status_code == 200
        assert "down" not in text(answer)
    page = url("key") + "?key=v2:user:1"
    form = {"token": token(client.get(page), "set-ttl"), "seconds": "9" * 5000}
    assert "whole number of seconds" in text(client.post(url("set-ttl"), form, follow=True))


def test_a_command_that_is_forbidden_does_not_make_the_server_look_down(people, redis_queue, settings):
    with forbidden(redis_queue, settings, "QUEUE_URL", "config", "slowlog"):
        client = client_of(operator(*ALL))
        for name in ("changelist", "versions", "queue", "server"):
            assert "Redis is down" not in text(client.get(url(name))), name
