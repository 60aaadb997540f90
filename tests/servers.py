"""What tests do to the two servers for a while: settings, a user with few rights, a pause; put back when it is over."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import redis

from cachedemo.exceptions import Unavailable
from cachedemo.servers import roles
from tests.helpers import until


def servers_of(client: Any) -> list[redis.Redis]:
    """Return a client of each server that has keys."""
    if isinstance(client, redis.RedisCluster):
        return [client.get_redis_connection(node) for node in client.get_primaries()]
    return [client]


def asked_again(*asked: roles.Role) -> None:
    """Wait until this process asks these again: any thread of it, the statistics' too, may have found one away."""

    def answer() -> bool:
        try:
            return all(role.command("PING") for role in asked or (roles.CACHE, roles.QUEUE))
        except Unavailable:
            return False

    until(answer)


@contextlib.contextmanager
def configured(client: redis.Redis, **settings: Any) -> Iterator[None]:
    """Set settings of redis.conf, underscores for dashes: `configured(redis_queue, appendfsync="no")`."""
    names = {name: name.replace("_", "-") for name in settings}
    before = {name: client.config_get(name)[name] for name in names.values()}
    try:
        for name, value in settings.items():
            client.config_set(names[name], value)
        yield
    finally:
        for name, value in before.items():
            client.config_set(name, value)


def without_memory(client: redis.Redis) -> contextlib.AbstractContextManager[None]:
    """A server at its limit that evicts nothing."""
    return configured(client, maxmemory_policy="noeviction", maxmemory=1)


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process that is alive and answers nobody; then it works off what has been sent to it meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def forbidden(client: redis.Redis, settings: Any, role: str, *commands: str) -> Iterator[None]:
    """A user of ours that may not send some commands: `forbidden(redis_cache, settings, "CACHE_URL", "get")`."""
    rules = ("on", ">x", "~*", "&*", "+@all", *(f"-{command}" for command in commands))
    for server in servers_of(client):
        server.execute_command("ACL", "SETUSER", "limited", *rules)
    limited = settings.CACHEDEMO[role].replace("://", "://limited:x@")
    settings.CACHEDEMO = {**settings.CACHEDEMO, role: limited}
    try:
        yield
    finally:
        for server in servers_of(client):
            server.execute_command("ACL", "DELUSER", "limited")
