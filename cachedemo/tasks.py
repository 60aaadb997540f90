"""Celery's way in: shells that call the code."""

import logging
import time

from celery import shared_task

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.model_cache import ModelCache

logger = logging.getLogger(__name__)

TURN = 1.0  # seconds that one task goes on flushing before it asks for the next
EXPIRES = 10  # seconds after which a request for a flush is worth nothing; beat has asked again by then


@shared_task(ignore_result=True)
def flush(queue: str | None = None) -> None:
    """Flush what waits in the Redis list `queue`, for example flush:users; in every registered one if None."""
    for cache in [registry.by_queue(queue)] if queue else registry.registered():
        _flush(cache)


def _flush(cache: ModelCache) -> None:
    end = time.monotonic() + TURN
    try:
        while cache.flush() >= cache.batch_size:
            if time.monotonic() > end:
                return request_flush(cache.queue)
    except Unavailable as error:
        logger.warning("Flush of %s put off: %s", cache.queue, error)


def request_flush(queue: str) -> None:
    """Ask the workers for a flush of `queue`; raises whatever the broker's client raises."""
    flush.apply_async([queue], expires=EXPIRES, retry=False)
