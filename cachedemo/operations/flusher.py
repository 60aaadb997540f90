"""One turn of flushing a queue, as the Celery task takes it, and turns in a loop, where there is no Celery."""

import contextlib
import logging
import time

from django.db import close_old_connections

from cachedemo import conf, registry
from cachedemo.exceptions import CachedemoError, QueueUnavailable, StatementRefused, Unavailable, UnknownDatabase
from cachedemo.model_cache import ModelCache
from cachedemo.operations import pause, workers
from cachedemo.protocol import flush as flushing
from cachedemo.protocol.error_descriptions import describe

logger = logging.getLogger(__name__)

TURN = 1.0  # seconds that one queue is flushed before the next has its turn
LOOK = 0.1  # seconds between two looks at whether to stop


class Stop:
    """Whether somebody has asked for an end. A signal's handler may set it: unlike an Event, it takes no lock."""

    asked = False

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or soon after somebody has asked."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))


def caches(queue: str | None = None) -> list[ModelCache]:
    """Return the caches whose queues this process can flush now: of that name, or all. It logs why one must wait.

    None where we are switched off: nothing is queued.
    """
    if not conf.is_enabled():
        return []
    try:
        return [registry.by_queue(queue)] if queue else registry.with_queue()
    except (UnknownDatabase, QueueUnavailable) as error:  # another worker's, or later
        logger.warning("No flush%s: %s", f" of {queue}" if queue else "", describe(error))
        return []


def take_turn(cache: ModelCache) -> bool:
    """Flush what waits until nothing does or the turn is over; return whether it is over first.

    Raises what `ModelCache.flush` does.
    """
    end = time.monotonic() + TURN
    if pause.is_paused(cache):
        flushing.reap(cache.table)  # a pause stops the flush, and not the emptying of slots
        return False
    while cache.flush():
        if time.monotonic() > end:
            return True
    return False


def try_turn(cache: ModelCache) -> bool:
    """Do what `take_turn` does, and log why a flush must wait: the other queues are flushed all the same."""
    try:
        return take_turn(cache)
    except StatementRefused:
        return False  # said once, by the flush itself; this is tried every second
    except CachedemoError as error:
        logger.warning("Flush of %s postponed: %s", cache.queue, describe(error))
        return False


def loop(stop: Stop, pause_between: float) -> None:
    """Take turns until `stop.asked`, as a worker and beat do; the batch that is under way is finished."""
    workers.start()
    try:
        while not stop.asked:
            more = [try_turn(cache) for cache in caches() if not stop.asked]
            close_old_connections()  # as Django does between two requests: CONN_MAX_AGE, and what is broken
            if not any(more):
                stop.wait(pause_between)
    finally:
        with contextlib.suppress(Unavailable):  # then it counts as gone some seconds later
            workers.leave()
