"""Connections in and out of redis-py's pool, past its telemetry and its events: these take most of its time."""

import os
from typing import Any

import redis

_PARTS = {"_lock", "_available_connections", "_in_use_connections", "pid"}


def idle(pool: Any) -> Any:
    """Take a connection that is ready to send out of redis-py's pool, past its telemetry; None if it has none such.

    Ready is what it is there: connected, with nothing to be read on it. Any other is left to the pool itself.
    """
    if not _is_known(pool) or pool.pid != os.getpid():
        return None
    with pool._lock:
        if not pool._available_connections:
            return None
        connection = pool._available_connections.pop()
        pool._in_use_connections.add(connection)
    try:
        is_ready = connection.is_connected and not connection.can_read()
    except (redis.RedisError, OSError):
        is_ready = False
    if not is_ready:
        pool.release(connection)
        return None
    return connection


def give_back(pool: Any, connection: Any) -> None:
    """Do what the pool's own `release` does with a connection that stays open."""
    stays = connection.is_connected and not connection.should_reconnect()
    if not stays or not _is_known(pool) or not pool.pid == connection.pid == os.getpid():
        pool.release(connection)
        return
    with pool._lock:
        pool._in_use_connections.discard(connection)
        pool._available_connections.append(connection)


def _is_known(pool: Any) -> bool:
    """Whether this is redis-py's plain pool, with what we take from it; a later redis-py may have it otherwise."""
    return type(pool) is redis.ConnectionPool and vars(pool).keys() >= _PARTS
