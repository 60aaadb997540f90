"""Whether anything else of the project lives in the databases of the cache or of the queue.

`clear()` of a Django cache on Redis is FLUSHDB: whatever is in its database goes with it.
"""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from cachedemo import conf, registry
from cachedemo.checks import other_users
from cachedemo.servers import targets
from cachedemo.servers.targets import Place

_CACHE_SESSIONS = "django.contrib.sessions.backends.cache"


@register("cachedemo")
def check_caches(**kwargs: Any) -> list[CheckMessage]:
    """No cache of Django's is in the queue's database, where it would lose writes, or in the cache's."""
    return [message for alias in settings.CACHES for message in _of_clear(alias, other_users.of_cache(alias))]


def _of_clear(alias: str, found: set[Place]) -> list[CheckMessage]:
    if found & _of_role("QUEUE_URL"):
        return [
            Error(
                f"CACHES[{alias!r}] is in the queue's database: its clear() is FLUSHDB, and loses acknowledged writes.",
                hint="Give it another database number, better another server.",
                id="cachedemo.E021",
            )
        ]
    if found & _of_role("CACHE_URL"):
        return [
            Warning(
                f"CACHES[{alias!r}] is in the cache's database: its clear() empties both, and so does our FLUSHDB.",
                hint="Give it another database number.",
                id="cachedemo.W021",
            )
        ]
    return []


@register("cachedemo")
def check_celery(**kwargs: Any) -> list[CheckMessage]:
    """Celery keeps its messages and results elsewhere."""
    return [
        Warning(
            f"Celery's {what} is in the database of the {role}.",
            hint="Give it another database number: the cache evicts and is emptied, and the queue must be neither.",
            id="cachedemo.W022",
        )
        for what, found in other_users.of_celery()
        for role in _roles_in(found)
    ]


@register("cachedemo")
def check_channel_layers(**kwargs: Any) -> list[CheckMessage]:
    """Channels keeps its messages elsewhere."""
    return [
        Warning(
            f"CHANNEL_LAYERS[{alias!r}] is in the database of the {role}.",
            hint="Give it another database number: the cache evicts and is emptied, and the queue must be neither.",
            id="cachedemo.W032",
        )
        for alias, found in other_users.of_channel_layers()
        for role in _roles_in(found)
    ]


@register("cachedemo")
def check_sessions(**kwargs: Any) -> list[CheckMessage]:
    """Sessions that are nowhere but in a cache are not where the cache evicts."""
    found, role = other_users.of_session_store(), "queue"
    if settings.SESSION_ENGINE == _CACHE_SESSIONS:
        found, role = other_users.of_cache(settings.SESSION_CACHE_ALIAS), ""  # E021 tells of the queue
    return [
        Warning(
            f"Sessions are in the database of the {each} only: what is evicted or emptied there signs people out.",
            hint="Use the engine cached_db, or give the sessions a server of their own.",
            id="cachedemo.W023",
        )
        for each in _roles_in(found)
        if each in ("cache", role)
    ]


def _roles_in(found: set[Place]) -> list[str]:
    """Return which of our roles are in one of these places."""
    return [name[:-4].lower() for name in ("CACHE_URL", "QUEUE_URL") if found & _of_role(name)]


def _of_role(name: str) -> frozenset[Place]:
    """Return where a role is; nothing where it is not set or invalid, which another check says."""
    if name == "QUEUE_URL" and not registry.has_queues():
        return frozenset()
    try:
        return targets.places(conf.get(name))
    except ImproperlyConfigured:
        return frozenset()
