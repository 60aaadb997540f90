"""FLUSHDB of the cache database, and what stands between an operator and it.

Writes that wait for the source survive: they are on the queue server, whose database is never the one emptied here.
"""

from dataclasses import dataclass
from typing import Any

from cachedemo import conf, keyspace, queue_keys, registry
from cachedemo.exceptions import CachedemoError
from cachedemo.keyspace import Survey
from cachedemo.plurals import counted
from cachedemo.servers import CACHE, QUEUE, Role

TOLERANCE = 0.1  # of the keys that were shown


class FlushRefused(CachedemoError):
    """Raised when the cache database is not emptied; the message says why."""


@dataclass
class Situation:
    """What FLUSHDB would meet, as it is shown and as it is checked again before it is done."""

    database: str  # host:port/number, as the operator types it
    number: int
    keys: int
    survey: Survey | None
    pending: int
    is_queue: bool

    @property
    def foreign(self) -> dict[str, int]:
        """Whose other keys are there: name -> keys."""
        if self.survey is None:
            return {}
        return {group.name: group.keys for group in self.survey.foreign(registered_names())}

    @property
    def foreign_keys(self) -> int:
        return sum(self.foreign.values())


def registered_names() -> set[str]:
    return {cache.slots.name for cache in registry.registered()}


def look(survey: Survey | None) -> Situation:
    """Return the situation now. Raises CacheUnavailable, QueueUnavailable."""
    pending = [("ZCARD", queue_keys.key(cache, "pending")) for cache in registry.with_queue()]
    return Situation(
        database=CACHE.address,
        number=number(CACHE),
        keys=CACHE.command("DBSIZE"),
        survey=survey,
        pending=sum(answer for answer in QUEUE.pipeline(pending) if isinstance(answer, int)),
        is_queue=is_queue(),
    )


def number(role: Role) -> int:
    """Return the number of the database that a role is connected to."""
    return int(role.client().get_connection_kwargs().get("db") or 0)


def is_queue() -> bool:
    """Say whether the queue lives in the cache's database, by whatever name the two settings call it."""
    return number(CACHE) == number(QUEUE) and _run_id(CACHE) == _run_id(QUEUE)


def _run_id(role: Role) -> Any:
    return role.command("INFO", "server")["run_id"]


def flush(shown_keys: int, typed: str, *, typing_needed: bool) -> int:
    """Empty the cache database, if it still is what was shown; return how many keys that were.

    Args:
        shown_keys: what the operator saw.
        typed: the database, as the operator typed it.
        typing_needed: even if nothing foreign is there.

    Raises:
        FlushRefused: it is not done.
        CacheUnavailable, QueueUnavailable: it cannot be told whether it may be done.
    """
    if not conf.get("ALLOW_FLUSHDB"):
        raise FlushRefused("CACHEDEMO_ALLOW_FLUSHDB is off.")
    if is_queue():
        raise FlushRefused("The queue lives in this database: FLUSHDB would lose acknowledged writes.")
    situation = look(keyspace.keep())
    if abs(situation.keys - shown_keys) > shown_keys * TOLERANCE:
        raise FlushRefused(
            f"You were shown {counted(shown_keys, 'key')}, but now there are {situation.keys:,}: look again."
        )
    if (typing_needed or situation.foreign) and typed.strip() != situation.database:
        raise FlushRefused(f"Type {situation.database} to empty it{_because(situation)}.")
    CACHE.command("FLUSHDB", "ASYNC")
    return situation.keys


def _because(situation: Situation) -> str:
    others = ", ".join(f"{keys:,} of {name}" for name, keys in situation.foreign.items())
    return f": keys that are not ours are there ({others})" if others else ""
