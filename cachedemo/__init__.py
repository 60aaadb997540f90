"""Cache-aside, write-through and write-behind for Django models, done right."""

from importlib import import_module
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.operations.startup import announce_all
from cachedemo.patterns import Pattern
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.registry import cache_for, register
from cachedemo.tracing.trace import trace

__all__ = ["Entry", "ModelCache", "Origin", "Pattern", "announce_all", "cache_for", "register", "trace"]

_DOCUMENTED = {"durability": "cachedemo.servers.queue_durability", "metrics": "cachedemo.operations.metrics"}


def __getattr__(name: str) -> Any:
    """Import what the docs name as `cachedemo.durability` and `cachedemo.metrics` when it is asked for."""
    if name in _DOCUMENTED:
        return import_module(_DOCUMENTED[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
