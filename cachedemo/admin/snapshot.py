"""What the overview shows, from one pipeline to each server."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cachedemo import registry
from cachedemo.admin import version_rows
from cachedemo.admin.page import Answers, ask, servers
from cachedemo.admin.ranges import Range
from cachedemo.admin.shards import ask_with_shards, together
from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.operations import keyspace, pause, unwaited_replicas, workers
from cachedemo.operations.keyspace import Survey
from cachedemo.protocol import closed_notes, database_addresses, near_processes, stats
from cachedemo.protocol.closed_notes import Note
from cachedemo.protocol.stats_kept import by_model
from cachedemo.protocol.waiting import Stopped, oldest_of, stopped_of
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers import queue_durability
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.queue_durability import Durability
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error

RECENT = 2  # minutes of what is told of "the last minute": the one under way may have just begun
_OWN = [("INFO",), ("CONFIG GET", queue_durability.POLICY)]  # what a server tells of itself


@dataclass
class Waiting:
    """What waits in one queue."""

    cache: ModelCache
    depth: int
    oldest: float | None  # seconds since the epoch
    dead: int
    paused: dict[str, Any] | None  # by whom, since when
    closed: Note | None  # who has switched off
    stopped: Stopped | None
    overdue: float  # seconds since the oldest of the slots that are owed should have been emptied


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
    history: dict[int, stats.Minute]  # by the steps of the range
    recent: list[stats.Minute]  # of the minute under way and the one before
    models: dict[str, stats.Minute]  # what was read within the range: name in the keys -> metric -> sum
    durability: Durability
    unwaited: list[str]  # what is wrong about the queue's replicas
    near: list[near_processes.Process]  # those that keep copies

    @property
    def cache_info(self) -> dict[str, Any]:
        return self.cache.answers[0] or {}


def look(over: Range) -> Snapshot:
    """Ask each server once, however much there is to show of that range."""
    now, models = time.time(), registry.registered()
    own = [] if QUEUE.is_cluster else _OWN  # the servers of a cluster are asked for these one by one
    parts: list[Sequence[Any]] = [
        own,
        [("GET", ours(keyspace.KEY)), workers.query(now), database_addresses.query(now), near_processes.query(now)],
        over.grain.queries(over.steps, now),
        stats.queries(RECENT, now),
        over.models.queries(over.model_steps, now),
    ]
    queue, of_shards = ask_with_shards([command for part in parts for command in part], models, _of_shard)
    told, general, counted, recent, of_models = _split(queue.answers, parts)
    kept, alive, addresses, near = general
    survey, announced = keyspace.parse(kept), [of_model[0][0] for of_model in of_shards]
    return Snapshot(
        now=now,
        cache=_cache(),
        queue=queue,
        waiting=[_waiting(cache, *together(of)) for cache, of in zip(models, of_shards, strict=True) if cache.queue],
        survey=survey,
        versions=version_rows.rows(models, announced, survey),
        elsewhere=database_addresses.sentences(addresses or []),
        alive=[worker.decode() for worker in alive or []],
        history=over.grain.of_answers(counted, over.steps, now),
        recent=list(stats.by_minute(recent, RECENT, now).values()),
        models=by_model(over.models.of_answers(of_models, over.model_steps, now).values()),
        durability=_durability(told),
        unwaited=unwaited_replicas.of_answers([told[0] or {}]) if told else _unwaited(),
        near=near_processes.of_answer(near),
    )


def _split(answers: Sequence[Any], parts: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Yield the answers to each part of what was asked."""
    begin = 0
    for part in parts:
        yield answers[begin : begin + len(part)]
        begin += len(part)


def _cache() -> Answers:
    """Return the memory and the keys of the cache, of all servers together."""
    problems: list[str] = []
    told = [ask(server, [("INFO",), ("DBSIZE",)]) for server in servers(CACHE, problems)]
    problems += [each.problem for each in told if each.problem]
    infos = [each.answers[0] or {} for each in told]
    info = {field: sum(each.get(field, 0) for each in infos) for field in ("used_memory", "maxmemory")}
    keys = None if problems else sum(each.answers[1] or 0 for each in told)
    return Answers([info, keys], problems[0] if problems else "")


def _durability(told: Sequence[Any]) -> Durability:
    """Return what the queue keeps, from what its one server has told, or by asking each server of a cluster."""
    if told:
        info, policy = told
        return queue_durability.of_answers(info or {}, policy or {})
    try:
        return queue_durability.of_queue()
    except (CachedemoError, Error):  # INFO is forbidden, or the server has just gone
        return queue_durability.of_answers({}, {})


def _unwaited() -> list[str]:
    try:
        return unwaited_replicas.sentences()
    except (CachedemoError, Error):
        return []


def _of_shard(cache: ModelCache, shard: WriteQueue) -> list[tuple[Any, ...]]:
    versions = [("HGETALL", shard.key("versions"))]
    if not cache.queue:
        return list(versions)
    return [
        *versions,
        ("ZCARD", shard.key("pending")),
        ("ZRANGE", shard.key("pending"), 0, 0, "WITHSCORES"),
        ("HLEN", shard.key("dead")),
        ("GET", pause.key(cache)),
        ("GET", shard.key("closed")),
        ("GET", shard.key("stopped")),
        ("ZRANGE", shard.key("owed"), 0, 0, "WITHSCORES"),
    ]


def _waiting(
    cache: ModelCache, _: Any, depth: Any, oldest: Any, dead: Any, paused: Any, closed: Any, stopped: Any, due: Any
) -> Waiting:
    overdue = time.time() - due[0][1] / 1_000_000 if due else 0.0
    note = closed_notes.parse(closed)
    return Waiting(
        cache, depth or 0, oldest_of(oldest), dead or 0, pause.parse(paused), note, stopped_of(stopped), overdue
    )
