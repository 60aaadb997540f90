"""A cache and a queue server of our own, for the tests and for every private world (world.py)."""

from pathlib import Path
from typing import Self

from cachedemo.embedded.server import EmbeddedServer


class EmbeddedPair:
    """Two servers in one folder: the cache, and the queue, whose server is the broker too."""

    def __init__(self, folder: Path) -> None:
        self.cache = EmbeddedServer(folder / "cache")
        self.queue = EmbeddedServer(folder / "queue", role="queue")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both. Raises ServerFailed, ServerMissing."""
        self.cache.start()
        self.queue.start()

    def stop(self) -> None:
        self.cache.stop()
        self.queue.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead to them and nowhere else, as environment variables."""
        return {
            "REDIS_URL": "",
            "CACHEDEMO_CACHE_URL": self.cache.url(0),
            "CACHEDEMO_QUEUE_URL": self.queue.url(1),
            "CELERY_BROKER_URL": self.queue.url(2),
        }
