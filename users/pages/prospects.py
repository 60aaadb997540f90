"""When the database will have what waits: within about a second, or why not."""

import datetime
import time
from typing import Any

from cachedemo import ModelCache
from cachedemo.exceptions import CachedemoError
from cachedemo.operations import pause, workers
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.server_errors import Error

SOON = "The database will have it within about a second."
UNKNOWN = "The queue server does not answer just now, so nobody can say when the database will have it."
NO_WORKER = "No worker is running: it waits in the queue until one does."
STOPPED = "Flushing has stopped, because the database refuses to update the table: it waits until that is fixed."


def of(cache: ModelCache) -> str:
    """Return a sentence about what waits in the queue of `cache`, from one trip to it."""
    try:
        alive, paused = map(raised, QUEUE.pipeline([workers.query(time.time()), ("GET", pause.key(cache))]))
        stopped = cache.table.queue.stopped()
    except (CachedemoError, Error):
        return UNKNOWN
    if said := pause.parse(paused):
        return _paused(said)
    return STOPPED if stopped else SOON if alive else NO_WORKER


def _paused(said: dict[str, Any]) -> str:
    since = datetime.datetime.fromtimestamp(said["at"], datetime.UTC)
    return f"Flushing is paused by {said['by']} since {since:%H:%M:%S} UTC: it waits in the queue until that ends."
