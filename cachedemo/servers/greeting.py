"""What is asked of a server on every new connection: of which kind it is, and which one.

Which one: four characters of its `master_replid`. A promotion and a restart change it, and no server gets that of
another again; its run id would be back where A fails over to B and then to A.
"""

import re
from collections.abc import Mapping
from typing import Any

import redis

OLDEST = (7, 0)  # Lua flags and SET with NX and GET came with Redis 7.0
NOT_LEARNED = b"none"  # before the first connection: the identity of no server
NOT_TOLD = b""  # the user may not send INFO

_REPLICA = "is a read-only replica: name the primary in the URL."
_REPLID = re.compile(rb"master_replid:([0-9a-f]{4})")
_ANOTHER_KIND = {
    "sentinel": "is a sentinel: write redis+sentinel://host:26379/name/0 in the URL, with the primary's name.",
    "cluster": "belongs to a Redis Cluster: write redis+cluster://host:port in the URL.",
    "standalone": "belongs to no Redis Cluster: write redis:// in the URL.",
}


class Unusable(redis.RedisError):
    """Raised when a server is not of the kind that its URL says, with the fix; continues "The cache server at …"."""


class WrongKind(Unusable):
    """Raised when it will never be: a replica may become a primary, a sentinel or an old server does not."""


def greet(connection: Any, mode: str = "standalone") -> bytes:
    """Take the usual steps on a new connection, and return which server is there; NOT_TOLD if that is refused.

    Raises:
        Unusable: it is of another kind than `mode`, a replica, or too old.
    """
    connection.handshake_metadata = None
    try:
        connection.on_connect()
    except redis.ResponseError as error:
        if "unknown command" in str(error) and "HELLO" in str(error):
            raise _too_old("older than 6") from error
        _refuse_wrong_kind(connection, mode)  # it may refuse the number of the database for what it is
        raise
    _refuse_wrong_kind(connection, mode)
    return identity(connection)


async def greet_in_a_loop(connection: Any) -> bytes:
    """Do the same on a connection of an event loop. Raises as `greet`."""
    await connection.on_connect()
    await connection.send_command("INFO", "replication")
    try:
        return _identity_in(await connection.read_response())
    except redis.ResponseError as error:
        return _not_told(error)


def _refuse_wrong_kind(connection: Any, mode: str) -> None:
    hello = _as_text(connection.handshake_metadata or {})
    found, version = hello.get("mode", mode), hello.get("version", "")
    if found != mode:
        raise WrongKind(_ANOTHER_KIND.get(found, f"runs in the mode {found}, which cachedemo does not know."))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise _too_old(version)
    if hello.get("role", "master") != "master":
        raise Unusable(_REPLICA)


def _too_old(version: str) -> WrongKind:
    oldest = ".".join(map(str, OLDEST))
    return WrongKind(f"is version {version}: install Redis {oldest} or newer, or Valkey.")


def identity(connection: Any) -> bytes:
    """Ask which server is there. Raises Unusable if it is a replica now: it may have been a primary before."""
    connection.send_command("INFO", "replication")
    try:
        return _identity_in(connection.read_response())
    except redis.ResponseError as error:
        return _not_told(error)


def _not_told(error: redis.ResponseError) -> bytes:
    if isinstance(error, redis.exceptions.NoPermissionError) or "unknown command" in str(error):
        return NOT_TOLD
    raise error


def _identity_in(info: bytes) -> bytes:
    if b"role:slave" in info:
        raise Unusable(_REPLICA)
    found = _REPLID.search(info)
    return found[1] if found else NOT_TOLD


def _as_text(hello: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in hello.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
