"""The operators' pages: "Cache" in the Django admin."""

from cachedemo.admin.cache_admin import CacheAdmin

__all__ = ["CacheAdmin"]
