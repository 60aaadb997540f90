"""What the queue really keeps, in words, and where it is less than the promise.

This is the verdict that `cache_ping`, the log of a starting process, readyz and the operators' overview show. The
warnings of persistence and eviction are here and not among the system checks, which ask no server.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cachedemo.exceptions import Unavailable
from cachedemo.servers.roles import CACHE, QUEUE, Role
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import Error


class Verdict(NamedTuple):
    """The durability at a glance: a headline, what it means, and a grade: good, warn or bad."""

    headline: str
    meaning: str
    grade: str


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

    @property
    def verdict(self) -> Verdict:
        if self.persistence != "none" and self.eviction not in ("noeviction", "unknown"):
            return Verdict("Evicts", f"maxmemory-policy {self.eviction}: set noeviction", "bad")
        return _VERDICTS[self.persistence]


ONE_DATABASE = (
    "Cache and queue are the same Redis database, where FLUSHDB on the cache would lose acknowledged writes: give "
    "CACHEDEMO['QUEUE_URL'] another one."
)
POLICY = "*appendfsync*"  # what CONFIG GET is asked for: how often it writes to its disk, and whether always
_PROMISES = {
    "appendfsync always": "No acknowledged write is lost when the queue server is killed.",
    "appendfsync everysec": "Up to 2 s of acknowledged writes are lost when the queue server is killed.",
    "appendfsync no": "What the operating system has not written yet is lost when the queue's machine dies.",
    "none": "Every acknowledged write that still waits is lost when the queue server ends.",
    "unknown": "The queue server does not tell what it keeps.",
}
_GRADES = ("good", "warn", "bad")
_VERDICTS = {
    "appendfsync always": Verdict("No loss", "on disk before it is acknowledged (AOF, fsync always)", "good"),
    "appendfsync everysec": Verdict("Up to 2 s", "of acknowledged writes may be lost (AOF, fsync everysec)", "warn"),
    "appendfsync no": Verdict("Some loss", "the system decides when to write to disk (AOF, fsync no)", "bad"),
    "none": Verdict("In memory", "a restart loses every waiting write: set appendonly yes", "bad"),
    "unknown": Verdict("On disk", "how often is not known", "warn"),
}


def of_queue() -> Durability:
    """Ask the queue server; of those of a cluster, the one that keeps least. Raises QueueUnavailable."""
    return max(map(_of, QUEUE.servers()), key=lambda each: (_GRADES.index(each.verdict.grade), len(each.warnings)))


def _of(server: Server) -> Durability:
    try:
        info = server.command("INFO")
    except Unavailable as error:
        if not error.forbidden:
            raise
        info = {}  # it works without, and tells nothing
    return of_answers(info, _policy(server) if info.get("aof_enabled") else {})


def of_answers(info: Mapping[str, Any], policy: Mapping[Any, Any]) -> Durability:
    """Return what the queue keeps, from its answers to INFO and to CONFIG GET with `POLICY`."""
    name, version = _name_and_version(info)
    persistence = _persistence(policy) if info.get("aof_enabled", True) else "none"
    eviction = str(info.get("maxmemory_policy", "unknown"))
    warnings = [*_warnings(persistence, eviction, info), *_pauses(persistence, policy)]
    return Durability(f"{name} {version}", persistence, eviction, _PROMISES[persistence], warnings)


def _name_and_version(info: Mapping[str, Any]) -> tuple[str, Any]:
    if "valkey_version" in info:
        return "Valkey", info["valkey_version"]
    return "Redis", info.get("redis_version", "unknown")


def is_one_database() -> bool:
    """Say whether queue and cache are one database, by whatever names. Raises Unavailable if it cannot be told."""
    return number(CACHE) == number(QUEUE) and bool(_run_ids(CACHE) & _run_ids(QUEUE))


def number(role: Role) -> int:
    """Return the number of the database that a role is connected to."""
    return role.target.database


def _run_ids(role: Role) -> set[str]:
    return {server.command("INFO", "server")["run_id"] for server in role.servers()}


def _policy(server: Server) -> dict[Any, Any]:
    try:
        return server.command("CONFIG", "GET", POLICY)
    except (Unavailable, Error):  # CONFIG is often forbidden on a server that others run
        return {}


def _persistence(policy: Mapping[Any, Any]) -> str:
    name = f"appendfsync {_said(policy, 'appendfsync')}"
    return name if name in _PROMISES else "unknown"


def _said(policy: Mapping[Any, Any], name: str) -> str:
    return policy.get(name) or policy.get(name.encode(), b"").decode()


def _pauses(persistence: str, policy: Mapping[Any, Any]) -> list[str]:
    if persistence != "appendfsync always" or _said(policy, "no-appendfsync-on-rewrite") != "yes":
        return []
    return [
        "While the queue server rewrites its append-only file, what it acknowledges is not on its disk: set "
        "`no-appendfsync-on-rewrite no`."
    ]


def _warnings(persistence: str, eviction: str, info: Mapping[str, Any]) -> list[str]:
    warnings = []
    if persistence != "appendfsync always":
        warnings.append(f"{_PROMISES[persistence]} Set `appendonly yes` and `appendfsync always` on it.")
    if eviction != "noeviction":
        warnings.append(
            f"The queue server may evict acknowledged writes ({eviction}): set `maxmemory-policy noeviction`."
        )
    if 0 < info.get("maxmemory", 0) <= info.get("used_memory", 0):
        warnings.append(
            "The queue server is full, and refuses write-behind: raise `maxmemory`, or drain what fills it."
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        warnings.append("The queue server could not write its append-only file: look at its disk.")
    return warnings
