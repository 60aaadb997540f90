"""Which databases the processes that share a queue write to: each says a digest of where its own are.

Staging and production on one Redis, without a KEY_PREFIX, would read each other's rows and flush each other's writes.
But one database has more than one address (PgBouncer, a replica's name, an alias of the host), so that another address
is a warning and never a refusal.

`{cachedemo}:databases` is a sorted set at the queue: alias, digest and host -> when a process there said so last.
"""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db import connections

from cachedemo.protocol.batch_owner import host_name
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE

KEY = "databases"
SAID_AGAIN = 60.0  # seconds
GONE_AFTER = 600.0  # seconds without a word
_PORTS = {"postgresql": "5432", "postgis": "5432", "mysql": "3306"}
_ELSEWHERE = ("service", "unix_socket", "read_default_file")  # options that say where it is
_HERE = ("", "localhost", "127.0.0.1", "::1")

_due: dict[str, float] = {}  # alias -> when to say it again, by the monotonic clock


def digest(using: str) -> str:
    """Return a digest of where a database is: no user and no password is in it, and nobody can read the rest."""
    settings = connections.settings[using]
    engine, options = str(settings["ENGINE"]).rpartition(".")[2], settings.get("OPTIONS") or {}
    host, name = str(settings.get("HOST") or "").lower(), str(settings["NAME"])
    if host in _HERE or host.startswith("/"):
        host = "localhost"
    if engine in ("sqlite3", "spatialite") and not name.startswith((":", "file:")):
        name = str(Path(name).absolute())
    port = str(settings.get("PORT") or _PORTS.get(engine, ""))
    parts = [host, port, name, *(str(options.get(each, "")) for each in _ELSEWHERE)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def say(using: str) -> None:
    """Say where this database is, now and as long as this process is busy. Raises QueueUnavailable."""
    _due.setdefault(using, 0.0)
    if commands := to_say():
        QUEUE.pipeline(commands)


def to_say() -> list[tuple[Any, ...]]:
    """Return the commands that say what is due, for somebody's pipeline; none most of the time."""
    now, at = time.monotonic(), time.time()
    due = [using for using, when in list(_due.items()) if when <= now and using in connections.settings]
    if not due:
        return []
    _due.update(dict.fromkeys(due, now + SAID_AGAIN))
    said = [part for using in due for part in (at, f"{using} {digest(using)} {host_name()}")]
    return [("ZADD", ours(KEY), *said), ("ZREMRANGEBYSCORE", ours(KEY), "-inf", at - GONE_AFTER)]


def query(now: float) -> tuple[Any, ...]:
    """Return the command that asks where the databases of all processes are, for somebody's pipeline."""
    return ("ZRANGEBYSCORE", ours(KEY), now - GONE_AFTER, "+inf")


def sentences(answer: Iterable[bytes] | None = None) -> list[str]:
    """Return a sentence for each database of ours that is elsewhere for another process.

    Args:
        answer: to `query`; None asks.

    Raises:
        QueueUnavailable: it was asked in vain.
    """
    return [_sentence(using, hosts) for using, hosts in sorted(_elsewhere(answer).items())]


def is_elsewhere(using: str) -> bool:
    """Say whether this database of ours has another address for another process. Raises QueueUnavailable."""
    return using in _elsewhere(None)


def _elsewhere(answer: Iterable[bytes] | None) -> dict[str, set[str]]:
    """Return alias -> hosts of the processes whose database of that name has another address than ours."""
    if answer is None:
        answer = QUEUE.command(*query(time.time()))
    elsewhere: dict[str, set[str]] = {}
    for member in answer:
        using, said, host = member.decode(errors="replace").rsplit(" ", 2)
        if using in connections.settings and said != digest(using):
            elsewhere.setdefault(using, set()).add(host)
    return elsewhere


def _sentence(using: str, hosts: set[str]) -> str:
    return (
        f"A process on {', '.join(sorted(hosts))} shares this queue, and its database {using!r} has another address. "
        f"That is fine if it is the same database (behind PgBouncer, or by another name of its host). If it is another "
        f"one, each reads and writes the other's rows: give one of them a KEY_PREFIX of its own."
    )
