"""What servers and databases say of themselves. A server that is down is a warning: a check must not need it."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from cachedemo import conf, registry
from cachedemo.exceptions import Unavailable
from cachedemo.operations import forsaken_queues
from cachedemo.protocol import database_addresses, statement_time_limits, versions
from cachedemo.servers import cache_persistence, queue_durability
from cachedemo.servers.server_errors import Error as ServerError


@register(Tags.database)
def check_running_servers(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The cache forgets, the queue keeps, they are two, and whoever shares the queue has our database."""
    if not databases or not conf.is_known_to_be_enabled() or not registry.declared():
        return []
    try:
        return [*_of_cache(), *(_of_queue() if registry.has_queues() else [])]
    except (Unavailable, ServerError) as error:
        return [_not_asked(str(error))]
    except ImproperlyConfigured:
        return []  # E001 says it


def _of_cache() -> list[CheckMessage]:
    return [Warning(said, id="cachedemo.W027") for said in cache_persistence.of_cache()]


def _of_queue() -> list[CheckMessage]:
    if queue_durability.is_one_database():
        return [Error(queue_durability.ONE_DATABASE, id="cachedemo.E022")]
    return [
        *(Warning(said, id="cachedemo.W028") for said in queue_durability.of_queue().warnings),
        *(Warning(said, id="cachedemo.W031") for said in database_addresses.sentences()),
        *(Warning(said, id="cachedemo.W040") for said in forsaken_queues.sentences()),
    ]


@register(Tags.database)
def check_versions(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """No version has other fields than the one that is live under its number."""
    if not databases:
        return []
    found: list[CheckMessage] = []
    for cache in [each for each in registry.known() if each.queue]:
        try:
            if (said := versions.conflict(cache.table)) is not None:
                found.append(Error(said, obj=cache.model, id="cachedemo.E023"))
        except (Unavailable, ServerError, ImproperlyConfigured):
            break  # said by the check of the servers
    return found


@register(Tags.database)
def check_databases(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A statement ends, and stops waiting for a lock, before the lease or mark that covers it expires."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        leases = [cache.lease_timeout for cache in registry.known() if cache.table.using == alias]
        if leases:
            found += _of_database(alias, min(leases))
    return found


def _of_database(alias: str, lease: float) -> list[CheckMessage]:
    try:
        limits = statement_time_limits.of(alias)
    except DatabaseError as error:
        return [_not_asked(f"The database {alias!r}: {type(error).__name__}.")]
    return [
        Warning(
            f"The database {alias!r} lets {limit.what} take {limit.said()}, and lease_timeout is {lease:g} s.",
            hint=f"Set {limit.setting} to less, {limit.where}, or raise lease_timeout.",
            id="cachedemo.W029",
        )
        for limit in limits
        if limit.seconds is None or limit.seconds >= lease
    ]


def _not_asked(why: str) -> Warning:
    return Warning(f"A server could not be asked: {why}", id="cachedemo.W030")
