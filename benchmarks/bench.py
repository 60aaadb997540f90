"""What every measurement stands on: two servers and a database of its own, and something to show while it runs."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from benchmarks.progress import Bar
from benchmarks.rows import people
from cachedemo.embedded.pair import EmbeddedPair


class Bench:
    """A cache, a queue with `appendfsync always` and a SQLite file in a folder of their own, gone when it is over.

    The folder is where `TMPDIR` says: a queue and a database on a memory file system would have their syncs for free.
    """

    def __init__(self, console: Console, quick: bool = False) -> None:
        self.quick = quick
        self._folder = tempfile.TemporaryDirectory(prefix="cachedemo-bench-")
        self.folder = Path(self._folder.name)
        self._servers = EmbeddedPair(self.folder)
        self.cache, self.queue = self._servers.cache, self._servers.queue
        self._bar = Bar(console)
        self.track = self._bar.track

    def __enter__(self) -> Self:
        self._servers.start()
        self._set_up_django()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._servers.stop()
        self._folder.cleanup()

    def _set_up_django(self) -> None:
        os.environ.update(
            self._servers.environment,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="for-measurements",
            DEBUG="False",
            DATABASE_URL="",
            SOURCE_LATENCY_MS="0",
            LOG_LEVEL="WARNING",
            CACHEDEMO_VAR=str(self.folder / "var"),
        )
        import django

        django.setup()
        from django.core.management import call_command

        from users.models import User

        call_command("migrate", verbosity=0)
        User.objects.bulk_create(people(User))

    @property
    def users(self) -> Any:
        """The cache of the example's `User`, as the example registers it."""
        from cachedemo import cache_for
        from users.models import User

        return cache_for(User)

    def bare_cache(self) -> Any:
        """Return a plain redis-py client of the cache with the very settings that cachedemo gives its own."""
        from cachedemo.servers.client import connect

        return connect(self.cache.url(0))

    def bare_queue(self) -> Any:
        """Return such a client of the queue."""
        from cachedemo.servers.client import connect

        return connect(self.queue.url(1))

    def start_empty(self) -> None:
        """Empty both servers and let cachedemo forget what it has announced to them."""
        from cachedemo import registry

        for client in (self.bare_cache(), self.bare_queue()):
            client.execute_command("FLUSHDB", "SYNC")
        registry.forget_announcements()
        self.users.announce()

    @contextlib.contextmanager
    def appendfsync(self, policy: str) -> Iterator[None]:
        """Let the queue sync to the disk less often than in production, for a while."""
        queue = self.bare_queue()
        queue.config_set("appendfsync", policy)
        try:
            yield
        finally:
            queue.config_set("appendfsync", "always")

    def times(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual
