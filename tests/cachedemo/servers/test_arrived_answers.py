"""Answers that are taken past redis-py: in their order, errors among them, and nothing that is no answer."""

import pytest
import redis

from cachedemo.servers.arrived_answers import arrived
from cachedemo.servers.client import connect
from tests.helpers import until


@pytest.fixture
def connection(redis_cache):
    options = redis_cache.get_connection_kwargs()
    client = connect(f"redis://{options['host']}:{options['port']}/{options['db']}")
    connection = client.connection_pool.get_connection()
    yield connection
    connection.disconnect()


def said(connection, *commands):
    """The answers to commands, the first of them waited for and the others taken as they arrive."""
    connection.send_packed_command(connection.pack_commands(commands))
    answers = [connection.read_response()]
    answers += arrived(connection, len(commands) - 1)
    assert len(answers) == len(commands), "a few bytes come in one piece"
    return answers


def test_they_are_in_order_with_errors_and_nothing_among_them(connection, redis_cache):
    redis_cache.set("a", "1", ex=60)
    redis_cache.rpush("of another type", "x")
    redis_cache.expire("of another type", 60)
    keys = ("a", "none", "of another type", "a")
    one, none, wrong, again = said(connection, *(("GET", key) for key in keys))
    assert (one, none, again) == (b"1", None, b"1")
    assert isinstance(wrong, redis.ResponseError)
    assert arrived(connection, 9) == [], "and nothing is waited for"


def test_what_the_server_says_unasked_between_two_is_no_answer(connection):
    heard = []
    connection._parser.set_invalidation_push_handler(heard.append)
    said(connection, ("CLIENT", "TRACKING", "ON"), ("SET", "a", "1", "EX", 60), ("GET", "a"))
    assert said(connection, ("GET", "a"), ("SET", "a", "2", "EX", 60), ("GET", "a")) == [b"1", b"OK", b"2"]
    assert [what for _, what in heard] == [[b"a"]]


def test_what_stands_behind_them_is_left_where_it_is(connection, redis_cache):
    redis_cache.set("a", "1", ex=60)
    connection.send_packed_command(connection.pack_commands([("GET", "a"), ("GET", "a"), ("ECHO", "next")]))
    assert [connection.read_response(), *arrived(connection, 1)] == [b"1", b"1"]
    until(connection.can_read)
    assert connection.read_response() == b"next"
