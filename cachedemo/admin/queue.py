"""The flush queue: what waits, which worker has claimed it, and what the database has refused."""

import time
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests, dead_letters, overview_charts, queue_tiles
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page
from cachedemo.admin.queue_state import QueueState
from cachedemo.admin.shards import ask_with_shards, together
from cachedemo.admin.waiting_rows import CLAIMS_SHOWN, SHOWN, claims, rows
from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import pause, stopped_flushing, workers
from cachedemo.plurals import counted
from cachedemo.protocol import stats
from cachedemo.protocol.waiting import oldest_of, stopped_of
from cachedemo.protocol.write_queue import WriteQueue

FLUSH_FOR = 5.0  # seconds that "flush now" may take
MINUTES = 60  # of the curves


def page(request: HttpRequest) -> Page:
    caches, now = registry.with_queue(), time.time()
    history, working = stats.queries(MINUTES, now), workers.queries(now)
    first = [*history, *working]
    asked, told = ask_with_shards(first, caches, _commands)
    states = [_state(request, cache, together(shards)) for cache, shards in zip(caches, told, strict=True)]
    minutes = stats.by_minute([answer or {} for answer in asked.answers[: len(history)]], MINUTES, now)
    context: dict[str, Any] = {
        "problems": [asked.problem] if asked.problem else [],
        "now": now,
        "see_values": dead_letters.sees_values(request),
    }
    if asked.up:
        found = workers.of_answers(asked.answers[len(history) : len(first)], now)
        context |= {
            "queues": states,
            "workers": found,
            "tiles": queue_tiles.tiles(states, found, minutes, now),
            "charts": overview_charts.flush_charts(minutes, now),
        }
    if not request.headers.get("HX-Request"):
        context["letters"] = dead_letters.shelves(request, [state.cache for state in states if state.dead])
    return Page("queue", "Flush queue", context, live=True)


def _commands(cache: ModelCache, shard: WriteQueue) -> list[tuple[Any, ...]]:
    return [
        ("ZCARD", shard.key("pending")),
        ("LLEN", shard.list_key),
        ("ZRANGE", shard.key("pending"), 0, SHOWN - 1, "WITHSCORES"),
        ("ZCARD", shard.key("claimed")),
        ("ZRANGE", shard.key("claimed"), 0, CLAIMS_SHOWN - 1, "WITHSCORES"),
        ("ZRANGE", shard.key("flushers"), 0, -1, "WITHSCORES"),
        ("HGETALL", shard.key("reaped")),
        ("HLEN", shard.key("dead")),
        ("ZCARD", shard.key("owed")),
        ("ZRANGE", shard.key("owed"), 0, 0, "WITHSCORES"),
        ("GET", pause.key(cache)),
        ("GET", shard.key("stopped")),
    ]


def _state(request: HttpRequest, cache: ModelCache, answers: Sequence[Any]) -> QueueState:
    depth, listed, oldest, in_flight, held, flushers, reaped, dead, owed, due, paused, stop = answers
    pausing, claimed = pause.parse(paused), claims((held or [])[:CLAIMS_SHOWN], flushers or [], reaped or {})
    return QueueState(
        cache=cache,
        depth=depth or 0,
        listed=listed or 0,
        oldest=oldest_of(oldest),
        in_flight=in_flight or 0,
        claims=claimed,
        rows=rows(cache, (oldest or [])[:SHOWN], claimed),
        dead=dead or 0,
        owed=owed or 0,
        overdue=max(0.0, time.time() - due[0][1] / 1_000_000) if due else 0.0,
        paused=pausing,
        stopped=stopped_of(stop),
        stopped_sentence=stopped_flushing.sentence(cache.table.queue),
        buttons=_buttons(request, cache, pausing),
    )


def _buttons(request: HttpRequest, cache: ModelCache, paused: dict[str, Any] | None) -> list[action_requests.Button]:
    queue = str(cache.queue)
    turn = ("resume", "Resume") if paused else ("pause", "Pause")
    return [
        action_requests.button(request, "flush-now", "Flush now", queue, queue=queue),
        action_requests.button(request, *turn, queue, queue=queue, paused=bool(paused)),
    ]


@action_requests.action("flush-now", back="queue")
def flush_now(request: HttpRequest, shown: dict[str, Any]) -> Result:
    """Flush in this request, for some seconds at most: no worker is needed, and a pause does not matter."""
    cache, rows, end = registry.by_queue(shown["queue"]), 0, time.monotonic() + FLUSH_FOR
    while flushed := cache.flush():
        rows += flushed
        if time.monotonic() > end:
            break
    return Result(f"Taken from the list of {cache.queue}: {counted(rows, 'row')}.", {"rows": rows})


@action_requests.action("pause", back="queue")
def pause_queue(request: HttpRequest, shown: dict[str, Any]) -> Result:
    cache = registry.by_queue(shown["queue"])
    _unless_changed(cache, shown)
    pause.pause(cache, request.user.get_username())
    return Result(f"The queue {cache.queue} is paused: writes are acknowledged and wait.", {})


@action_requests.action("resume", back="queue")
def resume_queue(request: HttpRequest, shown: dict[str, Any]) -> Result:
    cache = registry.by_queue(shown["queue"])
    _unless_changed(cache, shown)
    pause.resume(cache)
    return Result(f"The queue {cache.queue} is flushed again.", {})


def _unless_changed(cache: ModelCache, shown: dict[str, Any]) -> None:
    if pause.is_paused(cache) != shown["paused"]:
        raise Refused(action_requests.STALE)
