"""The `CACHEDEMO` setting, read here and nowhere else, when it is needed and not at import."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "STRICT_READS": True,
    "SOURCE_LATENCY_MS": 0,
    "ALLOW_FLUSHDB": False,
    "READ_ONLY": False,
    "KEY_PREFIX": "",
    "TEST_ISOLATION": True,
    "ENABLED": True,
}


def is_enabled() -> bool:
    """Say whether the two servers are asked at all; if not, every call goes straight to the database."""
    return bool(get("ENABLED"))


def get(name: str) -> Any:
    """Return one entry of the `CACHEDEMO` dict, or its default.

    Raises:
        ImproperlyConfigured: the entry has no default (`CACHE_URL`, `QUEUE_URL`) and is missing.
    """
    configured = getattr(settings, "CACHEDEMO", {})
    value = configured.get(name, DEFAULTS.get(name))
    if value is None:
        raise ImproperlyConfigured(
            f"CACHEDEMO['{name}'] is not set: name a server, for example redis://localhost:6379/0."
        )
    return value
