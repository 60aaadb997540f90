"""The Celery tasks: shells that call the code."""

import contextlib
import logging
import time
from typing import Any

from celery import current_app, shared_task
from celery.signals import worker_ready, worker_shutdown

from cachedemo import registry
from cachedemo.exceptions import CachedemoError, StatementRefused, Unavailable
from cachedemo.model_cache import ModelCache
from cachedemo.operations import audit as auditing
from cachedemo.operations import deletion_log, keyspace, pause, workers
from cachedemo.protocol import flush as flushing
from cachedemo.protocol.error_descriptions import describe

logger = logging.getLogger(__name__)

TURN = 1.0  # seconds that one task goes on flushing before it asks for the next
EXPIRES = 10  # seconds after which a request for a flush is useless; beat has asked again by then
SCAN_EXPIRES = 60
AUDITED = 100  # slots of each model that beat has looked at


def project_settings() -> Any:
    """Return the settings of the project's Celery app, None where there is none to be seen from this process."""
    return None if current_app.main == "default" else current_app.conf  # Celery makes one of that name by itself


@shared_task(ignore_result=True)
def flush(queue: str | None = None) -> None:
    """Flush what waits in the Redis list `queue`, for example flush:users; in every registered one if None."""
    for cache in [registry.by_queue(queue)] if queue else registry.with_queue():
        _flush(cache)


def _flush(cache: ModelCache) -> None:
    end = time.monotonic() + TURN
    try:
        if pause.is_paused(cache):
            return flushing.reap(cache.table)  # a pause stops the flush, and not the emptying of slots
        while cache.flush():
            if time.monotonic() > end:
                return request_flush(str(cache.queue))
    except StatementRefused:
        pass  # said once, by the flush itself; this is tried every second
    except CachedemoError as error:  # the other queues are flushed all the same
        logger.warning("Flush of %s postponed: %s", cache.queue, describe(error))


def request_flush(queue: str) -> None:
    """Ask the workers for a flush of `queue`. Raises what the broker's client raises."""
    flush.apply_async([queue], expires=EXPIRES, retry=False)


@shared_task(ignore_result=True)
def audit(sample: int = AUDITED) -> None:
    """Compare a sample of each model's slots with the database; drift is logged, not repaired."""
    for cache in registry.registered():
        try:
            auditing.audit(cache, sample)
        except Unavailable as error:
            logger.warning("No audit of %s: %s", cache.name, describe(error))


@shared_task(ignore_result=True)
def scan() -> None:
    """Count the cache's keys for the operators' pages."""
    try:
        keyspace.keep()
    except Unavailable as error:
        logger.warning("The keys were not counted: %s", error)


@shared_task(ignore_result=True)
def delete_version(name: str, version: str, entry_id: int | None = None) -> None:
    """Delete the keys of a version that is retiring; `entry_id` is its entry in the history."""
    deletion_log.run(registry.by_name(name), version, entry_id)


def request_deletion(name: str, version: str, entry_id: int | None) -> None:
    """Ask the workers to delete a version. Raises what the broker's client raises."""
    delete_version.apply_async([name, version, entry_id], retry=False)


@worker_ready.connect
def begin(**_: Any) -> None:
    """Say that this worker is alive, and count the keys, so that pages have the numbers before beat's first minute."""
    workers.start()
    scan.apply_async(expires=SCAN_EXPIRES, retry=False)


@worker_shutdown.connect
def end(**_: Any) -> None:
    with contextlib.suppress(Unavailable):  # then it counts as gone some seconds later
        workers.leave()
