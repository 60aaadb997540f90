"""The commands that a server is being sent, for some seconds: MONITOR, on a connection of its own that ends with it.

The server sends each command of everybody here as well, which costs it throughput. So it is bounded twice.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import redis

from cachedemo.servers.server import Server


class Seen(NamedTuple):
    """One command: when the server took it (seconds since the epoch), from where, its name, and what came with it."""

    at: float
    client: str
    database: str
    command: str
    arguments: str


def watch(server: Server, seconds: float, most: int) -> list[Seen]:
    """Return what the server is sent within so many seconds, at most so many commands.

    Raises:
        CacheUnavailable, QueueUnavailable: it does not answer, or MONITOR is forbidden to this user.
    """
    found: list[Seen] = []
    try:
        with server.client().monitor() as monitor:
            for seen in _commands(monitor, seconds):
                found.append(seen)
                if len(found) >= most:
                    break
    except redis.RedisError as error:
        raise server.outage(error) from error
    return found


def _commands(monitor: redis.client.Monitor, seconds: float) -> Iterator[Seen]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if monitor.connection.can_read(timeout=left):
            said = monitor.next_command()
            command, _, arguments = said["command"].partition(" ")
            yield Seen(float(said["time"]), _client(said), str(said["db"]), command.upper(), arguments)


def _client(said: dict[str, Any]) -> str:
    """Return the address; a script's and a local client's have none."""
    is_tcp = said["client_type"] == "tcp"
    return f"{said['client_address']}:{said['client_port']}" if is_tcp else str(said["client_type"])
