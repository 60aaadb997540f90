"""The first page: whether all is well, in tiles and curves. It asks each server once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cachedemo import conf, registry
from cachedemo.admin import curves, tiles, version_rows
from cachedemo.admin.page import Answers, Page, ask
from cachedemo.model_cache import ModelCache
from cachedemo.operations import flushdb, keyspace, workers
from cachedemo.operations.keyspace import Survey
from cachedemo.operations.queue_keys import key
from cachedemo.protocol import stats
from cachedemo.servers.roles import CACHE, QUEUE

RANGES = {"hour": 60, "day": 1440}  # minutes


@dataclass
class Waiting:
    """What waits in one queue."""

    cache: ModelCache
    depth: int
    oldest: float | None  # seconds since the epoch
    dead: int
    paused: bool


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
    history: dict[int, stats.Minute]

    @property
    def cache_info(self) -> dict[str, Any]:
        return self.cache.answers[0] or {}

    @property
    def queue_info(self) -> dict[str, Any]:
        return self.queue.answers[0] or {}

    @property
    def appendfsync(self) -> str:
        return (self.queue.answers[1] or {}).get("appendfsync", "")


def page(request: HttpRequest) -> Page:
    chosen = request.GET.get("range", "hour")
    minutes = RANGES.get(chosen, RANGES["hour"])
    seen = look(minutes)
    context = {
        "now": seen.now,
        "range": chosen if chosen in RANGES else "hour",
        "ranges": RANGES,
        "problems": [answers.problem for answers in (seen.cache, seen.queue) if answers.problem],
        "tiles": tiles.tiles(seen),
        "charts": curves.charts(seen.history, minutes, seen.now, seen.versions),
        "versions": seen.versions,
        "survey": seen.survey,
        "foreign": sum(group.keys for group in foreign(seen.survey)),
        "keys": seen.cache.answers[1],
        "pending": sum(waiting.depth for waiting in seen.waiting),
        "database": CACHE.address,
        "allow_flushdb": conf.get("ALLOW_FLUSHDB"),
        "time_zone": settings.TIME_ZONE,
    }
    return Page("overview", "Cache", context, live=True)


def foreign(survey: Survey | None) -> list[keyspace.Group]:
    return survey.foreign(flushdb.registered_names()) if survey else []


def look(minutes: int = 60) -> Snapshot:
    """Ask each server once, whatever there is to show."""
    now, models, caches = time.time(), registry.registered(), registry.with_queue()
    history = stats.queries(minutes, now)
    first = [("INFO",), ("CONFIG GET", "appendfsync"), ("GET", keyspace.KEY), workers.query(now)]
    queue = ask(QUEUE, [*first, *history, *version_rows.queries(models), *_of_each(caches)])
    rest = queue.answers[len(first) :]
    counted, rest = rest[: len(history)], rest[len(history) :]
    announced, each = rest[: len(models)], rest[len(models) :]
    survey = keyspace.parse(queue.answers[2])
    return Snapshot(
        now=now,
        cache=ask(CACHE, [("INFO",), ("DBSIZE",)]),
        queue=queue,
        waiting=[_waiting(cache, *each[4 * i : 4 * i + 4]) for i, cache in enumerate(caches)],
        survey=survey,
        versions=version_rows.rows(models, announced, survey),
        alive=[worker.decode() for worker in queue.answers[3] or []],
        history=stats.by_minute([answer or {} for answer in counted], minutes, now),
    )


def _of_each(caches: Sequence[ModelCache]) -> list[tuple[Any, ...]]:
    return [
        command
        for cache in caches
        for command in (
            ("ZCARD", key(cache, "pending")),
            ("ZRANGE", key(cache, "pending"), 0, 0, "WITHSCORES"),
            ("HLEN", key(cache, "dead")),
            ("EXISTS", key(cache, "paused")),
        )
    ]


def _waiting(cache: ModelCache, depth: Any, oldest: Any, dead: Any, paused: Any) -> Waiting:
    since = oldest[0][1] / 1_000_000 if oldest else None
    return Waiting(cache, depth or 0, since, dead or 0, bool(paused))
