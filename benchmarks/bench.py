"""What every measurement stands on: two servers and a database of its own, and something to show while it runs."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from rich.console import Console

from benchmarks.progress import Bar
from benchmarks.rows import people
from cachedemo.embedded.world import PrivateWorld


class Bench(PrivateWorld):
    """A cache, a queue with `appendfsync always` and a database in a folder of their own, gone when it is over.

    The database is a SQLite file, unless there is a URL of another, which is empty.

    The folder is where `TMPDIR` says: a queue and a database on a memory file system would have their syncs for free.
    """

    def __init__(self, console: Console, quick: bool = False, database: str = "") -> None:
        super().__init__("bench", LOG_LEVEL="WARNING", DATABASE_URL=database)
        self.quick = quick
        self.minutes = 60.0  # that what runs for long runs for
        self._bar = Bar(console)
        self.track = self._bar.track

    def __enter__(self) -> Self:
        super().__enter__()
        self._make_rows()
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        super().__exit__(*error)

    def _make_rows(self) -> None:
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
