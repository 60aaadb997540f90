"""The short way of a command: what it must have in common with redis-py's own."""

import functools

import pytest
import redis
from redis.client import Pipeline

from cachedemo.servers.roles import CACHE


@pytest.fixture
def client(redis_cache):
    CACHE.command("PING")  # a connection is in the pool
    redis_cache.set("one", "1", ex=60)
    yield CACHE.client()
    redis_cache.delete("hash", "list", "two")  # a cache's keys expire


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


MANY = (
    ("GET", "one"),
    ("PTTL", "none"),
    ("SET", "two", "2", "GET"),
    ("HGETALL", "hash"),
    ("INCR", "list"),
    ("GET", "two"),
)


def test_many_are_answered_as_redis_pys_pipeline_answers_them(client, redis_cache):
    def prepared():
        redis_cache.delete("two")
        redis_cache.hset("hash", mapping={"a": "1"})
        redis_cache.lpush("list", "x")

    prepared()
    pipe = client.pipeline(transaction=False)
    for words in MANY:
        pipe.execute_command(*words)
    expected = pipe.execute(raise_on_error=False)
    prepared()
    answers = client.ask_all(MANY)
    assert [type(answer) for answer in answers] == [type(answer) for answer in expected]
    assert answers[:4] == [b"1", -2, None, {b"a": b"1"}]
    assert isinstance(answers[4], redis.ResponseError)
    assert answers[5] == b"2"


def test_the_answers_to_many_that_were_not_waited_for_are_nobody_elses(client, monkeypatch):
    connection = client.connection_pool.get_connection()
    client.connection_pool.release(connection)
    plain, answered = connection.read_response, []

    def interrupted(*args, **options):
        if answered:
            raise KeyboardInterrupt
        answered.append(plain(*args, **options))
        return answered[0]

    with monkeypatch.context() as interruption:
        interruption.setattr(connection, "read_response", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.ask_all(MANY)
    assert not connection.is_connected
    assert client.ask_all([("GET", "one")]) == [b"1"]


def test_who_watches_redis_pys_pipelines_sees_those_that_go_the_short_way_too(client, monkeypatch):
    plain, seen = Pipeline.execute, []

    @functools.wraps(plain)
    def watched(self, *args, **options):
        seen.append([words for words, _ in self.command_stack])
        return plain(self, *args, **options)

    monkeypatch.setattr(Pipeline, "execute", watched)
    assert client.ask_all([("GET", "one"), ("PTTL", "none")]) == [b"1", -2]
    assert seen == [[("GET", "one"), ("PTTL", "none")]]
