"""What the queue really keeps, in words, and where it is less than the promise."""

from typing import Any, NamedTuple

from cachedemo.exceptions import Unavailable
from cachedemo.servers.client import place
from cachedemo.servers.outages import Error
from cachedemo.servers.roles import CACHE, QUEUE, Role


class Durability(NamedTuple):
    """What becomes of acknowledged writes when the queue server dies.

    Attributes:
        server: its name and version.
        persistence: `appendfsync always`, `appendfsync everysec`, `none`, … as the server has it; `unknown` where it
            does not tell.
        eviction: its maxmemory-policy, or `unknown`.
        promise: one sentence.
        warnings: what is less than "no acknowledged write is lost", each with the fix.
    """

    server: str
    persistence: str
    eviction: str
    promise: str
    warnings: list[str]


_PROMISES = {
    "appendfsync always": "No acknowledged write is lost when the queue server is killed.",
    "appendfsync everysec": "Up to 2 s of acknowledged writes are lost when the queue server is killed.",
    "appendfsync no": "What the operating system has not written yet is lost when the queue's machine dies.",
    "none": "Every acknowledged write that still waits is lost when the queue server ends.",
    "unknown": "The queue server does not tell what it keeps.",
}


def of_queue() -> Durability:
    """Ask the queue server. Raises QueueUnavailable if it gives no answer."""
    info = QUEUE.command("INFO")
    server = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    persistence = _persistence(bool(info.get("aof_enabled")))
    eviction = str(info.get("maxmemory_policy", "unknown"))
    return Durability(server, persistence, eviction, _PROMISES[persistence], _warnings(persistence, eviction, info))


def is_one_database() -> bool:
    """Say whether queue and cache are one database, by whatever names. Raises Unavailable if it cannot be told."""
    return number(CACHE) == number(QUEUE) and _run_id(CACHE) == _run_id(QUEUE)


def number(role: Role) -> int:
    """Return the number of the database that a role is connected to."""
    return place(role.url)[2]


def _run_id(role: Role) -> Any:
    return role.command("INFO", "server")["run_id"]


def _persistence(append_only: bool) -> str:
    if not append_only:
        return "none"
    try:
        policy = QUEUE.command("CONFIG", "GET", "appendfsync")
    except (Unavailable, Error):  # CONFIG is often forbidden on a server that others run
        return "unknown"
    name = f"appendfsync {policy.get('appendfsync') or policy.get(b'appendfsync', b'').decode()}"
    return name if name in _PROMISES else "unknown"


def _warnings(persistence: str, eviction: str, info: dict[str, object]) -> list[str]:
    warnings = []
    if persistence != "appendfsync always":
        warnings.append(f"{_PROMISES[persistence]} Set `appendonly yes` and `appendfsync always` on it.")
    if eviction != "noeviction":
        warnings.append(
            f"The queue server may evict acknowledged writes ({eviction}): set `maxmemory-policy noeviction`."
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        warnings.append("The queue server could not write its append-only file: look at its disk.")
    return warnings
