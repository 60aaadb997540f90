"""For the tests of a project that uses cachedemo: see "Testing" in docs/installing.md.

pytest finds the fixtures by itself (`pytest_plugin.py`); Django's test classes get the same from `CacheTestMixin`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cachedemo.testing.commit_hooks import capture_on_commit_callbacks
    from cachedemo.testing.draining import adrain, drain
    from cachedemo.testing.mixin import CacheTestMixin
    from cachedemo.testing.outages import broken_cache, broken_queue
    from cachedemo.testing.runner import EmbeddedServersRunner
    from cachedemo.testing.servers import embedded_servers
    from cachedemo.testing.trips import CapturedTrips, Trip, assert_cache_trips

__all__ = [
    "CacheTestMixin",
    "CapturedTrips",
    "EmbeddedServersRunner",
    "Trip",
    "adrain",
    "assert_cache_trips",
    "broken_cache",
    "broken_queue",
    "capture_on_commit_callbacks",
    "drain",
    "embedded_servers",
]

_HOMES = {
    "CacheTestMixin": "mixin",
    "CapturedTrips": "trips",
    "EmbeddedServersRunner": "runner",
    "Trip": "trips",
    "adrain": "draining",
    "assert_cache_trips": "trips",
    "broken_cache": "outages",
    "broken_queue": "outages",
    "capture_on_commit_callbacks": "commit_hooks",
    "drain": "draining",
    "embedded_servers": "servers",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: loading the pytest plugin loads this package, and nothing else."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
