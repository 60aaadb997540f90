"""Which workers are alive: each says so every few seconds, on the queue server, where the pages look."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import database_addresses, flushed_by
from cachedemo.protocol.batch_owner import process_name
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.server_errors import Error

logger = logging.getLogger(__name__)

KEY = "workers"  # sorted set, host:pid -> when it was last alive
INTERVAL = 1.5  # seconds
GONE_AFTER = 4.5  # the pages know within five seconds
REMEMBERED = 10 * GONE_AFTER


class Worker(NamedTuple):
    """One worker, or another process that has flushed.

    Attributes:
        said: when it last said that it is alive, in seconds since the epoch; None if not lately.
        flushed: when it last flushed; None if not within the hour.
        rows_a_second: flushed by it, this minute and the one before.
    """

    name: str
    alive: bool
    said: float | None
    flushed: float | None
    rows_a_second: float


def start() -> None:
    """Say from now on, until this process ends, that it is alive."""
    threading.Thread(target=_serve, name="cachedemo-worker-alive", daemon=True).start()


def _serve() -> None:
    while True:
        try:
            say()
        except (CachedemoError, Error) as error:  # shown as gone until the server answers again
            logger.debug("Could not say that this worker is alive: %s", error)
        time.sleep(INTERVAL)


def say() -> None:
    """Say that this worker is alive, and forget those that have not for long."""
    now, key = time.time(), ours(KEY)
    alive = [("ZADD", key, now, process_name()), ("ZREMRANGEBYSCORE", key, "-inf", now - REMEMBERED)]
    QUEUE.pipeline([*alive, *database_addresses.to_say()])


def leave() -> None:
    """Say that this worker ends."""
    QUEUE.command("ZREM", ours(KEY), process_name())


def query(now: float) -> tuple[Any, ...]:
    """Return the command that asks for those alive, for somebody's pipeline."""
    return ("ZRANGEBYSCORE", ours(KEY), now - GONE_AFTER, "+inf")


def queries(now: float) -> list[tuple[Any, ...]]:
    """Return the commands whose answers `of_answers` takes, for somebody's pipeline."""
    return [("ZRANGEBYSCORE", ours(KEY), now - REMEMBERED, "+inf", "WITHSCORES"), *flushed_by.queries(now)]


def of_answers(answers: Sequence[Any], now: float) -> list[Worker]:
    """Return those that are alive, were lately, or have flushed within the hour; the alive ones first."""
    said = {name.decode(): float(at) for name, at in answers[0] or []}
    flushes = flushed_by.of_answers(answers[1:], now)
    found = [_worker(name, said.get(name), flushes.get(name), now) for name in {*said, *flushes}]
    return sorted(found, key=lambda worker: (not worker.alive, worker.name))


def _worker(name: str, said: float | None, flushes: flushed_by.Flushes | None, now: float) -> Worker:
    alive = said is not None and now - said < GONE_AFTER
    return Worker(name, alive, said, flushes.last if flushes else None, flushes.rows_a_second if flushes else 0.0)
