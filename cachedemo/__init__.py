"""Cache-aside, write-through and write-behind for Django models, done right."""

from cachedemo.entries import Entry, Origin
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern
from cachedemo.registry import cache_for, register

__all__ = ["Entry", "ModelCache", "Origin", "Pattern", "cache_for", "register"]
