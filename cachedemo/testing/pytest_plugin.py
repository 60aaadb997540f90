"""The fixtures of pytest. It finds this module by an entry point, in every project of the environment that cachedemo is
installed in: so nothing but pytest is imported before a test asks for a fixture."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cachedemo.embedded.pair import EmbeddedPair


@pytest.fixture(scope="session")
def cachedemo_servers() -> "Iterator[EmbeddedPair]":
    """Servers of the session's own: `CACHE_URL` and `QUEUE_URL` lead to them. Each worker of pytest-xdist has a pair.

    For all tests of a project: `usefixtures = ["cachedemo_servers"]` in pytest's settings.
    """
    from cachedemo.testing import embedded_servers

    with embedded_servers() as pair:
        yield pair


@pytest.fixture
def _cachedemo_in_use() -> Iterator[None]:
    """A test that asks for one of these fixtures uses the servers, also if it only reads and saves."""
    from cachedemo.servers import test_runs

    with test_runs.in_use():
        yield


@pytest.fixture
def drain(_cachedemo_in_use: None) -> Callable[..., int]:
    """`drain()` writes everything that waits to the database, and returns how many rows."""
    from cachedemo.testing import drain

    return drain


@pytest.fixture
def broken_cache(_cachedemo_in_use: None) -> Callable[..., Any]:
    """`with broken_cache():` the cache server cannot be reached; `broken_cache(silent=True)`: it does not answer."""
    from cachedemo.testing import broken_cache

    return broken_cache


@pytest.fixture
def broken_queue(_cachedemo_in_use: None) -> Callable[..., Any]:
    """`with broken_queue():` the queue server cannot be reached; `broken_queue(silent=True)`: it does not answer."""
    from cachedemo.testing import broken_queue

    return broken_queue


@pytest.fixture
def assert_cache_trips(_cachedemo_in_use: None) -> Callable[..., Any]:
    """`with assert_cache_trips(2):` the block makes two round trips to the servers, or they are all listed."""
    from cachedemo.testing import assert_cache_trips

    return assert_cache_trips


@pytest.fixture
def cachedemo_capture_on_commit_callbacks() -> Callable[..., Any]:
    """`with cachedemo_capture_on_commit_callbacks(execute=True):` as pytest-django's, without cachedemo's own hooks."""
    from cachedemo.testing import capture_on_commit_callbacks

    return capture_on_commit_callbacks
