"""Connections on which nothing was sent for long: a server may close them, and a firewall forget them."""

import socket
from typing import Any

import pytest
import redis

from cachedemo.servers.roles import CACHE, QUEUE
from tests.helpers import until

FIREWALLS_FORGET_AFTER = 60  # seconds at the earliest, of those that are known to be impatient


def close_idle_ones(role: Any) -> None:
    """Have the server close every connection of this process, as it does with those that have been idle for long."""
    with redis.Redis.from_url(role.url) as other:
        ids = {client["id"] for client in other.client_list()} - {str(other.client_id())}
        for each in ids:
            other.client_kill_filter(_id=each)
        until(lambda: not ids & {client["id"] for client in other.client_list()})


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_write_after_the_servers_have_closed_what_was_idle_goes_through_at_once(notes: Any, pattern: str) -> None:
    notes.via(pattern).update(1, title="a1")
    for role in (CACHE, QUEUE):
        close_idle_ones(role)
    notes.via(pattern).update(1, title="a2")  # nothing is sent twice: on a closed connection this would raise
    assert notes.get(1).title == "a2"


@pytest.mark.parametrize("role", [CACHE, QUEUE], ids=["cache", "queue"])
def test_the_system_sends_something_on_an_idle_connection_before_a_firewall_forgets_it(notes: Any, role: Any) -> None:
    notes.update(1, title="a1")
    pool = role.client().connection_pool
    connection = pool.get_connection()
    try:
        opened = connection._sock
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < FIREWALLS_FORGET_AFTER
    finally:
        pool.release(connection)
