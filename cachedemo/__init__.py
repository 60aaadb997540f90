"""Cache-aside, write-through and write-behind for Django models, done right."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache
    from cachedemo.operations.startup import announce_all
    from cachedemo.patterns import Pattern
    from cachedemo.protocol.entries import Entry, Origin
    from cachedemo.registry import cache_for, register
    from cachedemo.tracing.trace import trace

__all__ = ["Entry", "ModelCache", "Origin", "Pattern", "announce_all", "cache_for", "register", "trace"]

# Imported when asked for: the pytest plugin is loaded by every pytest of an environment, also where no Django runs.
_HOMES = {
    "Entry": "cachedemo.protocol.entries",
    "ModelCache": "cachedemo.model_cache",
    "Origin": "cachedemo.protocol.entries",
    "Pattern": "cachedemo.patterns",
    "announce_all": "cachedemo.operations.startup",
    "cache_for": "cachedemo.registry",
    "register": "cachedemo.registry",
    "trace": "cachedemo.tracing.trace",
}
_DOCUMENTED = {"durability": "cachedemo.servers.queue_durability", "metrics": "cachedemo.operations.metrics"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for, and what the docs name `cachedemo.durability`, `cachedemo.metrics`."""
    if name in _DOCUMENTED:
        return import_module(_DOCUMENTED[name])
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_DOCUMENTED})
