"""Faults of the servers: each does its harm and leaves things as they were, so that they can follow each other."""

import time
from collections.abc import Callable

import redis

from cachedemo.embedded.server import EmbeddedServer
from tests.faults.proxy import Proxy
from tests.helpers import until
from tests.servers import paused

Wait = Callable[[], object]  # how long a fault lasts: for example until so many more operations are done


def kill(server: EmbeddedServer, wait: Wait) -> None:
    """Killed with -9, down for a while, started again: the cache comes back empty, the queue with its log."""
    server.kill()
    wait()
    server.start()


def pause(server: EmbeddedServer, wait: Wait) -> None:
    """Alive, but it answers nobody; then it works off what has been sent to it meanwhile."""
    assert server.pid
    with paused(server.pid):
        wait()


def flush_database(server: EmbeddedServer, wait: Wait, times: int = 50) -> None:
    """FLUSHDB again and again."""
    for _ in range(times):
        client(server).flushdb()
        time.sleep(0.01)
    wait()


def forget_scripts(server: EmbeddedServer, wait: Wait, times: int = 50) -> None:
    """SCRIPT FLUSH again and again."""
    for _ in range(times):
        client(server).script_flush()
        time.sleep(0.01)
    wait()


def evict(server: EmbeddedServer, wait: Wait, room: int = 100_000) -> None:
    """An eviction storm: hardly room for the rows, and somebody who fills it with other things."""
    connection = client(server)
    before, evicted = connection.config_get("maxmemory")["maxmemory"], connection.info("stats")["evicted_keys"]
    connection.config_set("maxmemory", connection.info("memory")["used_memory"] + room)
    try:
        for number in range(3000):
            connection.set(f"junk:{number}", "x" * 500, px=5000)
        wait()
        assert connection.info("stats")["evicted_keys"] > evicted
    finally:
        connection.config_set("maxmemory", before)
        connection.unlink(*connection.scan_iter("junk:*", count=1000), "junk:0")


def bad_network(proxy: Proxy, fault: str, wait: Wait, delay: float = 0.02, times: int = 1_000_000) -> None:
    """A fault of `Proxy`, for a while."""
    proxy.begin(fault, delay=delay, times=times)
    wait()
    proxy.end()


def cut_off_replicas(server: EmbeddedServer) -> None:
    """No replica can follow it until it is restarted; clients, sentinels and the servers of its cluster reach it."""
    with client(server) as connection:
        connection.execute_command("ACL", "SETUSER", "default", "-psync", "-sync", "-replconf")
        connection.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: connection.info("replication")["connected_slaves"] == 0)


def client(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis.from_url(server.url(0), socket_timeout=10)
