"""System checks: what is wrong with the settings or a registration, and how to fix it.

A check asks no server but the databases that `check --database` names. What a server is asked when a process starts,
such as whether the queue may evict writes or loses them on a restart, is in `servers/durability.py`.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models

from cachedemo import conf, registry
from cachedemo.model_cache import ModelCache
from cachedemo.models import Stamped
from cachedemo.protocol import key_collations
from cachedemo.servers import client

EXACT_DIGITS = 15  # of a decimal, in SQLite: it is a float there

Place = tuple[str, int, int]  # host or socket, port, database


@register("cachedemo")
def check_servers(**kwargs: Any) -> list[CheckMessage]:
    """Cache and queue are both named and are not one database, so that FLUSHDB can never lose a write."""
    places = []
    for name in ("CACHE_URL", "QUEUE_URL") if registry.with_queue() else ("CACHE_URL",):
        try:
            places.append(client.place(conf.get(name)))
        except ImproperlyConfigured as error:
            return [Error(str(error), id="cachedemo.E001")]
        except ValueError as error:
            return [Error(f"CACHEDEMO['{name}']: {error}.", hint=client.EXAMPLE, id="cachedemo.E001")]
    return _compared(*places) if len(places) == 2 else []


def _compared(cache: Place, queue: Place) -> list[CheckMessage]:
    if cache == queue:
        return [
            Error(
                "Cache and queue are the same Redis database: FLUSHDB on the cache would lose acknowledged writes.",
                hint="Give CACHEDEMO['QUEUE_URL'] another database number, better another server.",
                id="cachedemo.E002",
            )
        ]
    if cache[:2] == queue[:2]:
        return [
            Warning(
                "Cache and queue share a Redis server, which has one eviction policy and one persistence for both.",
                hint="Run the queue on a server of its own, with noeviction and appendfsync always.",
                id="cachedemo.W001",
            )
        ]
    return []


@register("cachedemo")
def check_models(**kwargs: Any) -> list[CheckMessage]:
    """Every registered model has the stamp column."""
    return [
        Error(
            f"{cache.model._meta.label} is registered but does not inherit cachedemo.models.Stamped.",
            hint="Inherit from Stamped and run makemigrations.",
            obj=cache.model,
            id="cachedemo.E003",
        )
        for cache in registry.registered()
        if not issubclass(cache.model, Stamped)
    ]


@register("cachedemo")
def check_keys(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """No collation of a text key holds two texts to be one; what the columns really have, only databases named say."""
    messages: list[CheckMessage] = []
    for cache in registry.registered():
        if declared := key_collations.loose_by_declaration(cache.table):
            messages.append(_loose_key(cache, "is declared with", declared, "cachedemo.E010"))
        elif cache.table.using in (databases or ()) and (found := key_collations.loose_in_database(cache.table)):
            messages.append(_loose_key(cache, "has in the database", found, "cachedemo.E011"))
    return messages + [_rounded_key(cache) for cache in registry.registered() if _is_rounded(cache)]


def _loose_key(cache: ModelCache, where: str, collation: str, id: str) -> CheckMessage:
    return Error(
        f"{cache.model._meta.label}.{cache.table.codec.pk.name} {where} {collation}, which holds two texts to be one "
        f"key: the row would have two slots.",
        hint="Give the key a collation that tells all texts apart, or a key of another type and a unique field.",
        obj=cache.model,
        id=id,
    )


def _is_rounded(cache: ModelCache) -> bool:
    column = cache.table.codec.keys.column
    is_on_sqlite = connections[cache.table.using].vendor == "sqlite"
    return isinstance(column, models.DecimalField) and is_on_sqlite and (column.max_digits or 99) > EXACT_DIGITS


def _rounded_key(cache: ModelCache) -> CheckMessage:
    return Warning(
        f"{cache.model._meta.label}.{cache.table.codec.pk.name} may have more digits than the {EXACT_DIGITS} that "
        f"SQLite keeps: longer keys of different rows are one there.",
        hint=f"Give it max_digits={EXACT_DIGITS} or less.",
        obj=cache.model,
        id="cachedemo.W010",
    )


@register("cachedemo")
def check_htmx(**kwargs: Any) -> list[CheckMessage]:
    """The operators' pages, if there are any, find the script that refreshes them."""
    if not apps.is_installed("django.contrib.admin") or apps.is_installed("django_htmx"):
        return []
    return [
        Warning(
            "The operators' pages do not refresh themselves: htmx is not installed.",
            hint="Add 'django_htmx' to INSTALLED_APPS.",
            id="cachedemo.W003",
        )
    ]


@register("cachedemo")
def check_atomic_requests(**kwargs: Any) -> list[CheckMessage]:
    """A read inside a transaction never fills the cache, so ATOMIC_REQUESTS leaves it empty."""
    return [
        Warning(
            f"DATABASES[{alias!r}] has ATOMIC_REQUESTS: reads in such views never fill the cache.",
            hint="Decorate the views that use a cache with django.db.transaction.non_atomic_requests.",
            id="cachedemo.W002",
        )
        for alias, database in settings.DATABASES.items()
        if database.get("ATOMIC_REQUESTS")
    ]
