"""The queue server's keys of one model that only operators need."""

from cachedemo.model_cache import ModelCache
from cachedemo.protocol.queue import FlushQueue


def key(cache: ModelCache, part: str) -> str:
    """Return for example `{flush:users}:paused`; `{no queue:user}:deletion:1` where nothing waits."""
    return FlushQueue(cache.queue or f"no queue:{cache.slots.name}").key(part)
