"""What the overview shows, from one pipeline to each server."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cachedemo import registry
from cachedemo.admin import version_rows
from cachedemo.admin.page import Answers, ask, servers
from cachedemo.admin.shards import ask_with_shards, together
from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.operations import keyspace, workers
from cachedemo.operations.keyspace import Survey
from cachedemo.protocol import closed_notes, database_addresses, stats
from cachedemo.protocol.closed_notes import Note
from cachedemo.protocol.waiting import oldest_of
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers import queue_durability
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.queue_durability import Durability
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error

_OWN = [("INFO",), ("CONFIG GET", "appendfsync")]  # what a server tells of itself


@dataclass
class Waiting:
    """What waits in one queue."""

    cache: ModelCache
    depth: int
    oldest: float | None  # seconds since the epoch
    dead: int
    paused: bool
    closed: Note | None  # who has switched off


@dataclass
class Snapshot:
    """Everything the page shows, from one pipeline to each server."""

    now: float
    cache: Answers
    queue: Answers
    waiting: list[Waiting]
    survey: Survey | None
    versions: list[version_rows.VersionRow]
    alive: list[str]
    elsewhere: list[str]  # which databases have another address for another process, in sentences
    history: dict[int, stats.Minute]
    durability: Durability

    @property
    def cache_info(self) -> dict[str, Any]:
        return self.cache.answers[0] or {}


def look(minutes: int = 60) -> Snapshot:
    """Ask each server once, however much there is to show."""
    now, models = time.time(), registry.registered()
    history = stats.queries(minutes, now)
    own = [] if QUEUE.is_cluster else _OWN  # the servers of a cluster are asked for these one by one
    first = [*own, ("GET", ours(keyspace.KEY)), workers.query(now), database_addresses.query(now)]
    queue, of_models = ask_with_shards([*first, *history], models, _of_shard)
    counted = queue.answers[len(first) : len(first) + len(history)]
    announced = [of_shards[0][0] for of_shards in of_models]
    kept, alive, addresses = queue.answers[len(own) : len(first)]
    survey = keyspace.parse(kept)
    return Snapshot(
        now=now,
        cache=_cache(),
        queue=queue,
        waiting=[
            _waiting(cache, *together(told)) for cache, told in zip(models, of_models, strict=True) if cache.queue
        ],
        survey=survey,
        versions=version_rows.rows(models, announced, survey),
        elsewhere=database_addresses.sentences(addresses or []),
        alive=[worker.decode() for worker in alive or []],
        history=stats.by_minute([answer or {} for answer in counted], minutes, now),
        durability=_durability(queue.answers[: len(own)]),
    )


def _cache() -> Answers:
    """Return the memory and the keys of the cache, of all servers together."""
    problems: list[str] = []
    told = [ask(server, [("INFO",), ("DBSIZE",)]) for server in servers(CACHE, problems)]
    problems += [each.problem for each in told if each.problem]
    infos = [each.answers[0] or {} for each in told]
    info = {field: sum(each.get(field, 0) for each in infos) for field in ("used_memory", "maxmemory")}
    return Answers([info, sum(each.answers[1] or 0 for each in told)], problems[0] if problems else "")


def _durability(told: Sequence[Any]) -> Durability:
    """Return what the queue keeps, from what its one server has told, or by asking each server of a cluster."""
    if told:
        info, policy = told
        return queue_durability.of_answers(info or {}, policy or {})
    try:
        return queue_durability.of_queue()
    except (CachedemoError, Error):  # INFO is forbidden, or the server has just gone
        return queue_durability.of_answers({}, {})


def _of_shard(cache: ModelCache, shard: WriteQueue) -> list[tuple[Any, ...]]:
    versions = [("HGETALL", shard.key("versions"))]
    if not cache.queue:
        return list(versions)
    return [
        *versions,
        ("ZCARD", shard.key("pending")),
        ("ZRANGE", shard.key("pending"), 0, 0, "WITHSCORES"),
        ("HLEN", shard.key("dead")),
        ("EXISTS", cache.table.queue.key("paused")),
        ("GET", shard.key("closed")),
    ]


def _waiting(cache: ModelCache, _: Any, depth: Any, oldest: Any, dead: Any, paused: Any, closed: Any) -> Waiting:
    return Waiting(cache, depth or 0, oldest_of(oldest), dead or 0, bool(paused), closed_notes.parse(closed))
