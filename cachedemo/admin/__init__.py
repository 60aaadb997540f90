"""The operators' pages: "Cache" in the Django admin."""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

if not apps.is_installed("django.contrib.admin"):
    raise ImproperlyConfigured("cachedemo.admin needs the Django admin: add 'django.contrib.admin' to INSTALLED_APPS.")

from cachedemo.admin.cache_admin import CacheAdmin

__all__ = ["CacheAdmin"]
