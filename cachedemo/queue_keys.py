"""The queue server's keys of one model that only operators need."""

from typing import TYPE_CHECKING

from cachedemo.flush_queue import FlushQueue

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache


def key(cache: "ModelCache", part: str) -> str:
    """Return for example `{flush:users}:paused`."""
    return FlushQueue(str(cache.queue)).key(part)
