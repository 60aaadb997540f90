"""What the tests of Django's test classes can say of the cache."""

import unittest
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import DEFAULT_DB_ALIAS

from cachedemo.servers import test_runs
from cachedemo.testing import commit_hooks, draining, outages, trips
from cachedemo.testing.servers import embedded_servers

if TYPE_CHECKING:
    _Base = unittest.TestCase
else:
    _Base = object


class CacheTestMixin(_Base):
    """Put it before Django's class: `class ProductTests(CacheTestMixin, TestCase)`; any of Django's classes will do.

    Its tests use the servers, also those that only read and save: without it such a test of a `TestCase` asks none.

    Attributes:
        embedded_servers: whether the class starts servers of its own, or shares those that another has started here;
            else its tests use those that the settings name.
    """

    embedded_servers: ClassVar[bool] = False

    @classmethod
    def setUpClass(cls) -> None:
        if cls.embedded_servers:
            cls.enterClassContext(embedded_servers())
        super().setUpClass()

    def run(self, result: Any = None) -> Any:
        with test_runs.in_use():
            return super().run(result)

    def drain(self, timeout: float = draining.PATIENCE) -> int:
        """Write everything that waits to the database; return how many rows. See `cachedemo.testing.drain`."""
        return draining.drain(timeout)

    async def adrain(self, timeout: float = draining.PATIENCE) -> int:
        """Do the same in an asynchronous test."""
        return await draining.adrain(timeout)

    def broken_cache(self, *, silent: bool = False) -> AbstractContextManager[None]:
        """Have the cache server unreachable in a block. See `cachedemo.testing.broken_cache`."""
        return outages.broken_cache(silent=silent)

    def broken_queue(self, *, silent: bool = False) -> AbstractContextManager[None]:
        """Have the queue server unreachable in a block. See `cachedemo.testing.broken_queue`."""
        return outages.broken_queue(silent=silent)

    def assertCacheTrips(
        self, num: int | None = None, *, cache: int | None = None, queue: int | None = None
    ) -> AbstractContextManager[trips.CapturedTrips]:
        """Assert how many round trips a block makes. See `cachedemo.testing.assert_cache_trips`."""
        return trips.assert_cache_trips(num, cache=cache, queue=queue)

    brokenCache, brokenQueue, assert_cache_trips = broken_cache, broken_queue, assertCacheTrips

    @classmethod
    def captureOnCommitCallbacks(
        cls, *, using: str = DEFAULT_DB_ALIAS, execute: bool = False
    ) -> AbstractContextManager[list[Callable[[], Any]]]:
        """Capture the hooks of a block as Django does, without cachedemo's own among them."""
        return commit_hooks.capture_on_commit_callbacks(using=using, execute=execute)
