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
NO_WORKER = "No worker is running (it is gone, or paused): the write waits in the queue until one does."
TAKING = "It is taking it to the database."
LATE = 3.0  # seconds after which a write that waits, or is claimed, is said to be late
STEP = 5  # seconds between two ages that are told
STOPPED = "Flushing has stopped, because the database refuses to update the table: it waits until that is fixed."


def of(cache: ModelCache) -> str:
    """Return a sentence about what waits in the queue of `cache`."""
    try:
        alive, paused = map(raised, QUEUE.pipeline([workers.query(time.time()), ("GET", pause.key(cache))]))
        stopped, lag = cache.table.queue.stopped(), cache.table.queue.lag()
    except (CachedemoError, Error):
        return UNKNOWN
    if said := pause.parse(paused):
        return _paused(said)
    if stopped or not alive:
        return STOPPED if stopped else NO_WORKER
    return SOON if lag < LATE else _late(lag)


def of_claimed(cache: ModelCache, deadline: float) -> str:
    """Return a sentence about a write that a flush has claimed until `deadline`, in seconds since the epoch."""
    left = deadline - time.time()
    age = cache.table.options.claim_deadline - left
    if age < LATE:
        return TAKING
    taken_over = f"within {_up(left)} s" if left > 0 else "as soon as one runs"
    return (
        f"It has not ended for more than {_down(age)} s: the database is slow or locked, or its worker was stopped or "
        f"killed. If it never ends, the next flush takes over {taken_over}."
    )


def _late(lag: float) -> str:
    return (
        f"Flushing is late: the oldest write has waited for more than {_down(lag)} s. The database may be slow or "
        "locked, or the workers busy; until it has the write, the queue keeps it."
    )


def _down(seconds: float) -> int:
    """Round down to what is not read out anew each second."""
    return max(int(LATE), int(seconds // STEP) * STEP)


def _up(seconds: float) -> int:
    return int(-(-seconds // STEP)) * STEP


def _paused(said: dict[str, Any]) -> str:
    since = datetime.datetime.fromtimestamp(said["at"], datetime.UTC)
    return f"Flushing is paused by {said['by']} since {since:%H:%M:%S} UTC: it waits in the queue until that ends."
