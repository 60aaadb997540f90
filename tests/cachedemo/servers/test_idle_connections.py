"""A connection that is handed out past the pool is ready to send, as one from the pool is, and goes back into it."""

import os

import pytest

from cachedemo.servers.client import connect
from cachedemo.servers.idle_connections import give_back, idle
from tests.helpers import until


@pytest.fixture
def client(redis_cache):
    options = redis_cache.get_connection_kwargs()
    client = connect(f"redis://{options['host']}:{options['port']}/{options['db']}")
    client.ask("PING")
    yield client
    client.close()


def test_the_idle_connection_is_used_again_and_again(client):
    pool = client.connection_pool
    connection = idle(pool)
    assert idle(pool) is None, "it was the only one"
    assert pool._in_use_connections == {connection}
    give_back(pool, connection)
    assert (pool._available_connections, pool._in_use_connections) == ([connection], set())
    assert client.ask("PING") == b"PONG"
    assert idle(pool) is connection


def test_one_on_which_something_has_come_unasked_is_left_to_the_pool(client):
    pool = client.connection_pool
    connection = idle(pool)
    connection.send_command("ECHO", "another's")
    until(connection.can_read)
    give_back(pool, connection)
    assert idle(pool) is None
    connection.disconnect()


def test_one_that_the_server_has_closed_is_left_to_the_pool(client, redis_cache):
    number = client.client_id()
    redis_cache.client_kill_filter(_id=number)
    assert idle(client.connection_pool) is None
    assert client.client_id() != number


def test_one_that_is_to_be_opened_anew_is_closed_by_the_pool(client):
    pool = client.connection_pool
    connection = idle(pool)
    connection.mark_for_reconnect()
    give_back(pool, connection)
    assert not connection.is_connected


def test_a_forked_child_gets_none_of_its_parents(client, monkeypatch):
    pool = client.connection_pool
    monkeypatch.setattr(os, "getpid", lambda: pool.pid + 1)
    assert idle(pool) is None


def test_a_pool_that_keeps_its_connections_otherwise_is_left_to_itself(client, monkeypatch):
    pool = client.connection_pool
    monkeypatch.setattr("cachedemo.servers.idle_connections._PARTS", {"_lock", "_of_a_later_release"})
    assert idle(pool) is None
    assert client.ask("PING") == b"PONG"
    assert len(pool._available_connections) == 1
