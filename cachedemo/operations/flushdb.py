"""FLUSHDB of the cache database, and what stands between an operator and it.

Writes that wait for the database survive: they are on the queue server, and FLUSHDB is refused in its Redis database.
"""

from dataclasses import dataclass

from django.conf import settings

from cachedemo import conf, registry
from cachedemo.exceptions import Refused
from cachedemo.operations import keyspace
from cachedemo.operations.keyspace import Survey
from cachedemo.plurals import counted
from cachedemo.servers import queue_durability, test_runs
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import CACHE, QUEUE

TOLERANCE = 0.1  # of the keys that were shown


class FlushRefused(Refused):
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
        return {group.name: group.keys for group in keyspace.foreign(self.survey)}

    @property
    def foreign_keys(self) -> int:
        return sum(self.foreign.values())

    @property
    def to_be_typed(self) -> bool:
        """Whether the operator types the database's name: always in production, else where other keys would be lost."""
        return not settings.DEBUG or bool(self.foreign) or self.survey is None


def look(survey: Survey | None) -> Situation:
    """Return the situation now. Raises CacheUnavailable, QueueUnavailable."""
    parts = [part for cache in registry.with_queue() for part in cache.table.queue.parts()]
    pending = [("ZCARD", part.key("pending")) for part in parts]
    return Situation(
        database=CACHE.address,
        number=queue_durability.number(CACHE),
        keys=sum(server.command("DBSIZE") for server in CACHE.servers()),
        survey=survey,
        pending=sum(map(raised, QUEUE.pipeline(pending))),
        is_queue=queue_durability.is_one_database(),
    )


def flush(shown_keys: int, typed: str) -> int:
    """Empty the cache database, if it still is what was shown; return how many keys that were.

    Args:
        shown_keys: what the operator saw.
        typed: the name of the Redis database, as the operator typed it.

    Raises:
        FlushRefused: it is not done.
        CacheUnavailable, QueueUnavailable: it cannot be told whether it may be done.
    """
    if not conf.get("ALLOW_FLUSHDB"):
        raise FlushRefused("ALLOW_FLUSHDB in CACHEDEMO is off.")
    if test_runs.is_under_way():
        raise FlushRefused("A test run shares the server with others, and empties its own keys by itself.")
    if queue_durability.is_one_database():
        raise FlushRefused("The queue lives in this database: FLUSHDB would lose acknowledged writes.")
    situation = look(keyspace.keep())
    if abs(situation.keys - shown_keys) > shown_keys * TOLERANCE:
        raise FlushRefused(
            f"You were shown {counted(shown_keys, 'key')}, but now there are {situation.keys:,}: look again."
        )
    if situation.to_be_typed and typed.strip() != situation.database:
        raise FlushRefused(f"Type {situation.database} to empty it{_because(situation)}.")
    for server in CACHE.servers():
        server.command("FLUSHDB", "ASYNC")
    return situation.keys


def _because(situation: Situation) -> str:
    others = ", ".join(f"{keys:,} of {name}" for name, keys in situation.foreign.items())
    return f": keys that are not ours are there ({others})" if others else ""
