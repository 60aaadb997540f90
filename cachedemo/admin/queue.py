"""The flush queue: what waits, which worker has claimed it, and what the database has refused."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from cachedemo import registry
from cachedemo.admin import action_requests, dead_letters
from cachedemo.admin.action_requests import Result
from cachedemo.admin.page import Page
from cachedemo.admin.shards import ask_with_shards
from cachedemo.exceptions import Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import pause, stopped_flushing
from cachedemo.plurals import counted
from cachedemo.protocol import stats
from cachedemo.protocol.waiting import Stopped, oldest_of, stopped_of
from cachedemo.protocol.write_queue import WriteQueue

CLAIMS_SHOWN = 20
FLUSH_FOR = 5.0  # seconds that "flush now" may take


@dataclass
class Claimed:
    """A claimed row: until when (seconds since the epoch), by which worker, and how many of its flushes died."""

    pk: str
    deadline: float
    owner: str
    lost: int


@dataclass
class QueueState:
    """One queue as the page shows it."""

    cache: ModelCache
    depth: int
    listed: int
    oldest: float | None
    in_flight: int
    claims: list[Claimed]
    dead: int
    owed: int
    overdue: float  # seconds since the oldest of these slots should have been emptied
    paused: dict[str, Any] | None
    stopped: Stopped | None
    stopped_sentence: str
    buttons: list[action_requests.Button]


def page(request: HttpRequest) -> Page:
    caches, now = registry.with_queue(), time.time()
    history = stats.queries(2, now)
    asked, answers = ask_with_shards(history, caches, _commands)
    states = [_state(request, cache, of_shards) for cache, of_shards in zip(caches, answers, strict=True)]
    context: dict[str, Any] = {
        "problems": [asked.problem] if asked.problem else [],
        "queues": states if asked.up else [],
        "now": now,
        "recent": _recent(asked.answers[: len(history)], now),
    }
    if not request.headers.get("HX-Request"):
        context["letters"] = dead_letters.shelves(request, [state.cache for state in states if state.dead])
    return Page("queue", "Flush queue", context, live=True)


def _commands(cache: ModelCache, shard: WriteQueue) -> list[tuple[Any, ...]]:
    return [
        ("ZCARD", shard.key("pending")),
        ("LLEN", shard.list_key),
        ("ZRANGE", shard.key("pending"), 0, 0, "WITHSCORES"),
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


def _state(request: HttpRequest, cache: ModelCache, of_shards: Sequence[Sequence[Any]]) -> QueueState:
    """All shards together."""
    depths, listed, oldest, in_flight, claims, flushers, reaped, dead, owed, due, paused, stops = zip(
        *of_shards, strict=True
    )
    pausing = pause.parse(paused[0])
    claimed = [_claims(c or [], f or [], r or {}) for c, f, r in zip(claims, flushers, reaped, strict=True)]
    overdue = [time.time() - each[0][1] / 1_000_000 for each in due if each]
    return QueueState(
        cache=cache,
        depth=_sum(depths),
        listed=_sum(listed),
        oldest=min(filter(None, map(oldest_of, oldest)), default=None),
        in_flight=_sum(in_flight),
        claims=sorted((each for some in claimed for each in some), key=lambda each: each.deadline)[:CLAIMS_SHOWN],
        dead=_sum(dead),
        owed=_sum(owed),
        overdue=max(0.0, *overdue, 0.0),
        paused=pausing,
        stopped=next(filter(None, map(stopped_of, stops)), None),
        stopped_sentence=stopped_flushing.sentence(cache.table.queue),
        buttons=_buttons(request, cache, pausing),
    )


def _sum(numbers: Sequence[int | None]) -> int:
    return sum(each or 0 for each in numbers)


def _claims(claims: Sequence[Any], flushers: Sequence[Any], reaped: dict[bytes, bytes]) -> list[Claimed]:
    """A batch and its owner have one deadline, to the microsecond."""
    owners = {deadline: owner.decode().rpartition(" ")[0] for owner, deadline in flushers}
    return [
        Claimed(pk.decode(), deadline / 1_000_000, owners.get(deadline, "not known"), int(reaped.get(pk, 0)))
        for pk, deadline in claims
    ]


def _buttons(request: HttpRequest, cache: ModelCache, paused: dict[str, Any] | None) -> list[action_requests.Button]:
    queue = str(cache.queue)
    turn = ("resume", "Resume") if paused else ("pause", "Pause")
    return [
        action_requests.button(request, "flush-now", "Flush now", queue, queue=queue),
        action_requests.button(request, *turn, queue, queue=queue, paused=bool(paused)),
    ]


def _recent(answers: Sequence[Any], now: float) -> dict[str, float]:
    """Rows a second and retries, of this minute and the one before."""
    minutes = stats.by_minute([answer or {} for answer in answers], 2, now).values()
    seconds = 60 + now % 60
    return {
        "rows": sum(minute.get("flushed", 0) for minute in minutes) / seconds,
        "retries": sum(minute.get("retries", 0) for minute in minutes),
    }


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
