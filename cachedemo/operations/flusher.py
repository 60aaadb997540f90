"""One turn of flushing a queue, as the Celery task takes it, and turns in a loop, where there is no Celery."""

import contextlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connections

from cachedemo import conf, registry
from cachedemo.exceptions import CachedemoError, QueueUnavailable, StatementRefused, Unavailable, UnknownDatabase
from cachedemo.model_cache import ModelCache
from cachedemo.operations import pause, workers
from cachedemo.protocol import flush as flushing
from cachedemo.protocol import shards
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.error_descriptions import describe
from cachedemo.protocol.shard_tables import of_each_shard
from cachedemo.servers import test_runs

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

    Args:
        queue: its name, or that of one of its shards.

    None where we are switched off: nothing is queued.
    """
    if not conf.is_enabled():
        return []
    try:
        return [registry.by_queue(shards.whole(queue))] if queue else registry.with_queue()
    except (UnknownDatabase, QueueUnavailable) as error:  # another worker's, or later
        logger.warning("No flush%s: %s", f" of {queue}" if queue else "", describe(error))
        return []


def names_of_shards(cache: ModelCache) -> list[str]:
    """Return the names of the shards of a queue; none where there is one only. It logs why that cannot be told."""
    try:
        tables = of_each_shard(cache.table)
    except QueueUnavailable as error:
        logger.warning("Flush of %s postponed: %s", cache.queue, describe(error))
        return []
    return [table.queue.name for table in tables] if len(tables) > 1 else []


def take_turn(cache: ModelCache, shard: str | None = None) -> bool:
    """Flush what waits until nothing does or the turn is over; return whether it is over first.

    Args:
        shard: the name of one shard; None for all, in a thread each.

    Raises what `ModelCache.flush` does.
    """
    tables = [table for table in of_each_shard(cache.table) if shard in (None, table.queue.name, str(cache.queue))]
    if pause.is_paused(cache):
        for table in tables:
            flushing.reap(table)  # a pause stops the flush, and not the emptying of slots
        return False
    if len(tables) < 2 or test_runs.is_under_way():  # a test's transaction is its own thread's
        turns = [_turn_of(table) for table in tables]
        return any(turns)
    with ThreadPoolExecutor(len(tables), thread_name_prefix="cachedemo-flush") as threads:
        return any(list(threads.map(_turn_in_thread, tables)))


def _turn_of(table: CachedTable) -> bool:
    end = time.monotonic() + TURN
    flushing.flush(table, lambda: time.monotonic() < end)
    return time.monotonic() >= end


def _turn_in_thread(table: CachedTable) -> bool:
    try:
        return _turn_of(table)
    finally:
        connections.close_all()  # those of this thread


def try_turn(cache: ModelCache, shard: str | None = None) -> bool:
    """Do what `take_turn` does, and log why a flush must wait: the other queues are flushed all the same."""
    try:
        return take_turn(cache, shard)
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
