"""Whether anything else of the project lives in the databases of the cache or of the queue.

`clear()` of a Django cache on Redis is FLUSHDB: whatever is in its database goes with it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from cachedemo import conf, registry
from cachedemo.checks import celery_app
from cachedemo.servers import targets
from cachedemo.servers.targets import Place

_CACHE_SESSIONS = "django.contrib.sessions.backends.cache"


@register("cachedemo")
def check_caches(**kwargs: Any) -> list[CheckMessage]:
    """No cache of Django's is in the queue's database, where it would lose writes, or in the cache's."""
    return [message for alias in settings.CACHES for place in _of_cache(alias) for message in _of_clear(alias, place)]


def _of_clear(alias: str, place: Place) -> list[CheckMessage]:
    if place in _of_role("QUEUE_URL"):
        return [
            Error(
                f"CACHES[{alias!r}] is in the queue's database: its clear() is FLUSHDB, and loses acknowledged writes.",
                hint="Give it another database number, better another server.",
                id="cachedemo.E021",
            )
        ]
    if place in _of_role("CACHE_URL"):
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
    celery = celery_app.project_settings()
    named = {"broker": celery.broker_url, "result backend": celery.result_backend} if celery else {}
    return [
        Warning(
            f"Celery's {name} is in the database of the {role[:-4].lower()}.",
            hint="Give it another database number: the cache evicts and is emptied, and the queue must be neither.",
            id="cachedemo.W022",
        )
        for name, url in named.items()
        for place in _places(_split(url))
        for role in ("CACHE_URL", "QUEUE_URL")
        if place in _of_role(role)
    ]


@register("cachedemo")
def check_sessions(**kwargs: Any) -> list[CheckMessage]:
    """Sessions that are nowhere but in a cache are not where the cache evicts."""
    sessions = _of_cache(settings.SESSION_CACHE_ALIAS)
    if settings.SESSION_ENGINE != _CACHE_SESSIONS or _of_role("CACHE_URL").isdisjoint(sessions):
        return []
    return [
        Warning(
            "Sessions are in the cache's database only: what is evicted or emptied there signs people out.",
            hint="Use the engine cached_db, or give the sessions' cache a server of its own.",
            id="cachedemo.W023",
        )
    ]


def _of_role(name: str) -> frozenset[Place]:
    """Return where a role is; nothing where it is not set or invalid, which another check says."""
    if name == "QUEUE_URL" and not registry.with_queue():
        return frozenset()
    try:
        return targets.places(conf.get(name))
    except ImproperlyConfigured:
        return frozenset()


def _of_cache(alias: str) -> list[Place]:
    """Return the places of one of CACHES; a database number in OPTIONS counts where the URL has none."""
    configured = settings.CACHES.get(alias, {})
    number = configured.get("OPTIONS", {}).get("db")
    found = _split(configured.get("LOCATION", ""))
    if number is not None:
        found = [url if re.search(r"://[^/]+/\d|[?&]db=", url) else f"{url.rstrip('/')}/{number}" for url in found]
    return list(_places(found))


def _split(urls_or_one: Any) -> list[str]:
    """Return the URLs of a list, or of a text that separates them as Django and Celery do."""
    return re.split("[;,]", urls_or_one) if isinstance(urls_or_one, str) else list(map(str, urls_or_one or ()))


def _places(found: Iterable[str]) -> Iterator[Place]:
    """Yield where each URL leads that is one of a Redis server."""
    for url in found:
        yield from targets.places(url)
