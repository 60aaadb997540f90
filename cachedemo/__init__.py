"""Cache-aside, write-through and write-behind for Django models, done right."""

from cachedemo.entries import Entry, Origin
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern
from cachedemo.registry import announce_all, cache_for, register
from cachedemo.trace import trace

__all__ = ["Entry", "ModelCache", "Origin", "Pattern", "announce_all", "cache_for", "register", "trace"]
