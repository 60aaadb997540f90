"""An operator's pause: workers leave a queue alone until somebody resumes it. Writes go on being acknowledged."""

import json
import time
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.servers.roles import QUEUE


def pause(cache: ModelCache, by: str, seconds: int | None = None) -> None:
    """Stop workers from flushing this queue; `drain`, `cache_drain` and "flush now" still flush it.

    Args:
        by: who pauses it.
        seconds: how long; until somebody resumes it if None.
    """
    until = ("EX", seconds) if seconds is not None else ()
    QUEUE.command("SET", key(cache), json.dumps({"by": by, "at": time.time()}), *until)


def resume(cache: ModelCache) -> None:
    QUEUE.command("DEL", key(cache))


def is_paused(cache: ModelCache) -> bool:
    return bool(QUEUE.command("EXISTS", key(cache)))


def parse(answer: Any) -> dict[str, Any] | None:
    """Return who paused the queue and when, from the answer to GET; None if it is not paused."""
    if not isinstance(answer, bytes):
        return None
    try:
        said = json.loads(answer)
        return {"by": str(said["by"]), "at": float(said["at"])}
    except (ValueError, TypeError, KeyError):  # paused all the same
        return {"by": "somebody", "at": time.time()}


def key(cache: ModelCache) -> str:
    return cache.table.queue.key("paused")
