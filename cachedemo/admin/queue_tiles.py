"""The tiles of the queue page: how late the flush is, how fast, and when it will be done."""

from collections.abc import Mapping, Sequence

from cachedemo.admin.page import Tile
from cachedemo.admin.queue_state import QueueState
from cachedemo.admin.tiles import BAD, GOOD, OLD, UNKNOWN, WARN
from cachedemo.operations.workers import Worker
from cachedemo.protocol.stats import Minute
from cachedemo.templatetags.cachedemo_admin import rate, span

TOO_OLD = 60.0  # seconds after which a waiting write is no delay any more but a fault
THRESHOLDS = f"amber over {OLD:.0f} s, red over {TOO_OLD:.0f} s"
RECENT = 2  # minutes of a rate: the one under way and the one before


def tiles(
    states: Sequence[QueueState], found: Sequence[Worker], by_minute: Mapping[int, Minute], now: float
) -> list[Tile]:
    """Return the tiles of all queues together.

    Args:
        found: the workers.
        by_minute: the statistics of the last hour.
    """
    minutes = list(by_minute.values())
    flushed = flushed_a_second(minutes, now)
    return [
        _waiting(states),
        _lag_now(states, now),
        _lag_of(minutes),
        _rate(minutes, flushed),
        _done_in(states, flushed, is_flushed=any(worker.alive for worker in found)),
        _workers(found),
    ]


def flushed_a_second(minutes: Sequence[Minute], now: float) -> float:
    return sum(minute.get("flushed", 0) for minute in minutes[-RECENT:]) / (60 * (RECENT - 1) + now % 60)


def _waiting(states: Sequence[QueueState]) -> Tile:
    waiting, dead = sum(state.depth for state in states), sum(state.dead for state in states)
    return Tile("Rows that wait", f"{waiting:,}", f"{dead:,} of them refused" if dead else "none refused")


def tone(lag: float) -> str:
    return BAD if lag > TOO_OLD else WARN if lag > OLD else GOOD


def _lag_now(states: Sequence[QueueState], now: float) -> Tile:
    oldest = min((state.oldest for state in states if state.oldest), default=None)
    if oldest is None:
        return Tile("Lag now", UNKNOWN, "nothing waits to be flushed", GOOD)
    lag = max(0.0, now - oldest)
    return Tile("Lag now", span(lag), f"the oldest write in line; {THRESHOLDS}", tone(lag))


def _lag_of(minutes: Sequence[Minute]) -> Tile:
    """Of the batches that were flushed: what still waits is in the tile before."""
    lags = [
        minute["lag_ms"] / minute["batches"] / 1000
        for minute in minutes
        if minute.get("batches") and "lag_ms" in minute
    ]
    if not lags:
        return Tile("Lag, last hour", UNKNOWN, "nothing was flushed")
    mean = sum(lags) / len(lags)
    return Tile("Lag, last hour", span(mean), f"worst minute {span(max(lags))}; {THRESHOLDS}", tone(max(lags)))


def _rate(minutes: Sequence[Minute], flushed: float) -> Tile:
    retries = sum(minute.get("retries", 0) for minute in minutes[-RECENT:])
    words = f"rows a second in the last two minutes, {retries:,.0f} {'retry' if retries == 1 else 'retries'}"
    return Tile("Flushed", rate(flushed), words, WARN if retries else "")


def _done_in(states: Sequence[QueueState], flushed: float, is_flushed: bool) -> Tile:
    """At the rate of the last two minutes; what comes meanwhile is not counted."""
    in_line = sum(state.listed + state.in_flight for state in states)
    if not in_line:
        return Tile("All of it in", "0 s", "nothing is in line", GOOD)
    if all(state.paused for state in states if state.listed + state.in_flight):
        return Tile("All of it in", UNKNOWN, "not while the queue is paused", WARN)
    if any(state.stopped for state in states):
        return Tile("All of it in", UNKNOWN, "not while flushing has stopped", BAD)
    if not is_flushed:
        return Tile("All of it in", UNKNOWN, "not while no worker is alive", BAD)
    if not flushed:
        return Tile("All of it in", UNKNOWN, "nothing was flushed in the last two minutes", WARN)
    return Tile("All of it in", span(in_line / flushed), f"{in_line:,} in line, at the rate of the last two minutes")


def _workers(found: Sequence[Worker]) -> Tile:
    alive = sum(worker.alive for worker in found)
    return Tile("Workers alive", f"{alive:,}", "" if alive else "nobody flushes", GOOD if alive else BAD)
