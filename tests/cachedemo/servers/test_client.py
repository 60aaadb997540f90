"""The short way of a command: what it must have in common with redis-py's own."""

import functools

import pytest
import redis

from cachedemo.servers.roles import CACHE


@pytest.fixture
def client(redis_cache):
    CACHE.command("PING")  # a connection is in the pool
    redis_cache.set("one", "1", ex=60)
    return CACHE.client()


def test_an_answer_that_was_not_waited_for_is_nobody_elses(client, monkeypatch, redis_cache):
    redis_cache.set("two", "2", ex=60)
    connection = client.connection_pool.get_connection()
    client.connection_pool.release(connection)

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as interruption:
        interruption.setattr(connection, "read_response", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.ask("GET", "one")
    assert not connection.is_connected
    assert client.ask("GET", "two") == b"2"


def test_the_key_of_a_get_arrives_as_it_is(client, redis_cache):
    for key in ("one", "naïve key", "emoji 🗝", "with\r\nlines"):
        redis_cache.set(key, key, ex=60)
        assert client.ask("GET", key) == key.encode()
    assert client.ask("GET", b"one") == b"one"


def test_an_error_of_the_server_costs_no_connection(client):
    connection = client.connection_pool.get_connection()
    client.connection_pool.release(connection)
    with pytest.raises(redis.ResponseError):
        client.ask("GET", "too", "many")
    assert connection.is_connected
    assert client.ask("GET", "one") == b"1"


def test_who_watches_redis_pys_commands_sees_those_that_go_the_short_way_too(client, monkeypatch):
    plain, seen = redis.Redis.execute_command, []

    def watched_unnamed(self, *words, **options):
        seen.append(words[0])
        return plain(self, *words, **options)

    for watched in (watched_unnamed, functools.wraps(plain)(watched_unnamed)):
        with monkeypatch.context() as watching:
            watching.setattr(redis.Redis, "execute_command", watched)
            assert client.ask("GET", "one") == b"1"
    assert seen == ["GET", "GET"]
