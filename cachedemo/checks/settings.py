"""Whether the settings and the registered models will do."""

import difflib
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from cachedemo import conf, extras, registry
from cachedemo.models import Stamped
from cachedemo.protocol import database_addresses
from cachedemo.servers import urls
from cachedemo.servers.password_hiding import HidesPasswordsInUrls
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.targets import Place, servers

URLS = ("CACHE_URL", "QUEUE_URL")
SCHEMA_PER_TENANT = ("django_tenants", "tenant_schemas", "django_pgschemas")  # whose engines switch schemas
FILTER = "cachedemo.servers.password_hiding.HidesPasswordsInUrls"


@register("cachedemo")
def check_servers(**kwargs: Any) -> list[CheckMessage]:
    """Cache and queue are both named and are not one database, so that FLUSHDB can never lose a write."""
    if not conf.is_known_to_be_enabled():
        return []  # no server is asked, so there need be none
    places = []
    for role in (CACHE, QUEUE) if registry.has_queues() else (CACHE,):
        try:
            places.append(role.target.places)
        except ImproperlyConfigured as error:
            return [Error(str(error), id="cachedemo.E001")]
    return _compared(*places) if len(places) == 2 else []


def _compared(cache: frozenset[Place], queue: frozenset[Place]) -> list[CheckMessage]:
    if cache & queue:
        return [
            Error(
                "Cache and queue are the same Redis database: FLUSHDB on the cache would lose acknowledged writes.",
                hint="Give CACHEDEMO['QUEUE_URL'] another database number, better another server.",
                id="cachedemo.E002",
            )
        ]
    if servers(cache) & servers(queue):
        return [
            Warning(
                "Cache and queue share a Redis server, which has one eviction policy and one persistence for both.",
                hint="Run the queue on a server of its own, with noeviction and appendfsync always.",
                id="cachedemo.W001",
            )
        ]
    return []


@register("cachedemo")
def check_values(**kwargs: Any) -> list[CheckMessage]:
    """The keys of CACHEDEMO are known and their values valid; no error page shows a password."""
    configured = getattr(settings, "CACHEDEMO", {})
    invalid = [Error(wrong, id="cachedemo.E020") for name in conf.DEFAULTS if (wrong := conf.problem(name)) is not None]
    return [*invalid, *_unknown(configured), *_shown(configured)]


def _unknown(names: Iterable[str]) -> list[CheckMessage]:
    known = [*URLS, *conf.DEFAULTS]
    return [
        Warning(
            f"CACHEDEMO has the key {name!r}, which nobody reads.",
            hint=f"Is it {close[0]}?"
            if (close := difflib.get_close_matches(str(name).upper(), known, n=1))
            else "Leave it out.",
            id="cachedemo.W020",
        )
        for name in names
        if name not in known
    ]


def _shown(configured: dict[str, Any]) -> list[CheckMessage]:
    passwords = [name for name in URLS if urls.has_password(str(configured.get(name, "")))]
    if not passwords or _hides_passwords():
        return []
    return [
        Warning(
            f"CACHEDEMO[{passwords[0]!r}] has a password, which Django's error pages and mails show.",
            hint=f"Set DEFAULT_EXCEPTION_REPORTER_FILTER = {FILTER!r}.",
            id="cachedemo.W024",
        )
    ]


def _hides_passwords() -> bool:
    try:
        return issubclass(import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER), HidesPasswordsInUrls)
    except (ImportError, AttributeError, TypeError):
        return False  # it is none at all, which Django says when there is an error to report


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
        for cache in registry.declared()
        if not issubclass(cache.model, Stamped)
    ]


@register("cachedemo")
def check_htmx(**kwargs: Any) -> list[CheckMessage]:
    """The operators' pages, if there are any, find the script that refreshes them."""
    if not apps.is_installed("django.contrib.admin") or apps.is_installed("django_htmx"):
        return []
    return [
        Warning(
            "The operators' pages do not refresh themselves: htmx is not installed.",
            hint=f"{extras.install('admin')}, and add 'django_htmx' to INSTALLED_APPS.",
            id="cachedemo.W003",
        )
    ]


@register("cachedemo")
def check_schemas(**kwargs: Any) -> list[CheckMessage]:
    """An alias is one set of rows: where each tenant has a schema in it, two rows would be one."""
    return [
        Error(
            f"DATABASES[{alias!r}] keeps a schema for each tenant ({database['ENGINE']}): rows of two tenants with the "
            f"same key would share a slot and a place in the queue.",
            hint="Give each tenant a database of its own, picked by a router, or do not register these models.",
            id="cachedemo.E024",
        )
        for alias, database in settings.DATABASES.items()
        if registry.declared() and str(database.get("ENGINE", "")).partition(".")[0] in SCHEMA_PER_TENANT
    ]


@register("cachedemo")
def check_one_alias_for_each_database(**kwargs: Any) -> list[CheckMessage]:
    """A row has one slot: where two aliases lead to it, it has one for each."""
    first: dict[str, str] = {}
    found = list[CheckMessage]()
    for alias in sorted(filter(_has_rows_of_its_own, connections.settings), key=lambda each: each != DEFAULT_DB_ALIAS):
        other = first.setdefault(database_addresses.digest(alias), alias)
        if other != alias and registry.declared():
            found.append(_two_aliases(other, alias))
    return found


def _has_rows_of_its_own(alias: str) -> bool:
    """Whether other aliases may lead to its rows: not by a copy, a path of schemas, or to what one connection has."""
    database = connections.settings[alias]
    in_memory = database["NAME"] in ("", ":memory:") or "mode=memory" in str(database["NAME"])
    by_schema = "search_path" in str(database["OPTIONS"].get("options", ""))
    return not (in_memory or by_schema or database["TEST"].get("MIRROR"))


def _two_aliases(alias: str, other: str) -> Warning:
    return Warning(
        f"DATABASES[{alias!r}] and DATABASES[{other!r}] are one database: what is written by one alias leaves what is "
        f"cached of the other as it was.",
        hint="Read and write registered models by one of them only. Silence this if you do.",
        id="cachedemo.W039",
    )


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
