"""Flushing in the test's own process: nothing of a test goes to Celery."""

from asgiref.sync import sync_to_async

from cachedemo import registry
from cachedemo.protocol import on_commit

PATIENCE = 10.0  # seconds


def drain(timeout: float = PATIENCE) -> int:
    """Write everything that waits to the database: of each registered model, in each database that this test has used.

    What the database refuses becomes a dead letter, as with a worker.

    Args:
        timeout: seconds after which to give up on one queue.

    Returns:
        How many rows have left the queues, dead letters among them.

    Raises:
        TimeoutError: rows still wait, since only another release knows their fields, or another flush has them.
        QueueUnavailable, SourceUnavailable: what waits still does.
    """
    rows = 0
    for cache in registry.with_queue():
        on_commit.finish_ended(cache.using)
        if cache.table.queue.in_line():  # else no connection is asked for to a database that the test may not use
            rows += cache.drain(timeout)
    return rows


async def adrain(timeout: float = PATIENCE) -> int:
    """Do the same in an asynchronous test. See `drain`."""
    return await sync_to_async(drain)(timeout)
