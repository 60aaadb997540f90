"""Which model has which cache: declared in each app's `caches.py`, found by autodiscovery; one for each database."""

import contextlib
from collections.abc import Callable

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, models

from cachedemo import registration_checks
from cachedemo.exceptions import NotRegistered, QueueUnavailable, UnknownDatabase
from cachedemo.model_cache import ModelCache
from cachedemo.patterns.of_model import M
from cachedemo.protocol import aliases, announced_tables, unmigrated
from cachedemo.servers import test_runs

_declared: dict[type[models.Model], ModelCache] = {}  # that of the default database
_of_others: dict[tuple[type[models.Model], str], ModelCache] = {}
_OF_THEN = "_cachedemo_of_then"  # of a model that a migration sees: what makes its cache of the registered one
_when_registered: list[Callable[[ModelCache], None]] = []


def register(model: type[M]) -> Callable[[type[ModelCache[M]]], type[ModelCache[M]]]:
    """Register the decorated `ModelCache` subclass for `model`.

    Raises:
        ImproperlyConfigured: rows of such a model cannot be cached; the model has a cache already, or another model has
            its name or its queue; or an option is invalid.
        FieldDoesNotExist: it has no such field, or none that can be cached.
    """

    def declare(declared: type[ModelCache[M]]) -> type[ModelCache[M]]:
        registration_checks.check_model(model)
        registration_checks.check_types(declared, model)
        cache = declared(model)
        registration_checks.check(cache)
        for other in _declared.values():
            if other.model is model or other.name == cache.name or (cache.queue and other.queue == cache.queue):
                raise ImproperlyConfigured(
                    f"{model._meta.label} cannot be registered as {cache.name!r} with {cache.queue!r}: "
                    f"{other.model._meta.label} is, as {other.name!r} with {other.queue!r}."
                )
        _declared[model] = cache
        cache.table.count_by_name()
        for call in _when_registered:
            call(cache)
        return declared

    return declare


def cache_for(model: type[M], using: str | None = None) -> ModelCache[M]:
    """Return the cache of a model's rows in one database.

    Args:
        using: alias of the database; None for the one that the router picks for writes now.

    Raises:
        NotRegistered: the model has no cache.
        UnknownDatabase: there is no such alias.
    """
    if not isinstance(model, type):
        raise NotRegistered(f"{model!r} is no model: name the class itself, as in cache_for(User).")
    try:
        declared = _declared[model]
    except KeyError:
        raise NotRegistered(f"{model._meta.label} has no cache: register one in the caches.py of its app.") from None
    return _of_database(declared, aliases.chosen(model) if using is None else aliases.of_rows(model, using))


def _of_database(declared: ModelCache, using: str) -> ModelCache:
    if using == declared.using:
        return declared
    key = (declared.model, using)
    if (cache := _of_others.get(key)) is None:
        if using not in connections.settings:
            raise UnknownDatabase(
                f"This process has no database {using!r} in DATABASES, where rows of {declared.model._meta.label} are."
            )
        cache = _of_others.setdefault(key, type(declared)(declared.model, using))
        cache.table.count_by_name()
    return cache


def find_cache(model: type[models.Model], using: str = DEFAULT_DB_ALIAS) -> ModelCache | None:
    """Return the cache that a write of this model concerns: its own, a proxy's concrete model's, a parent table's.

    None as long as the migration that adds `cache_stamp` is still to come.
    """
    concrete: type[models.Model] = model._meta.concrete_model or model
    for each in (concrete, *concrete._meta.get_parent_list()):
        if (declared := _declared.get(each)) is not None:
            if unmigrated.is_unmigrated(each, using):
                return None
            return declared if using == declared.using else _of_database(declared, aliases.primary(using))
        if (make := each.__dict__.get(_OF_THEN)) is not None:
            declared = find_of_now(each)
            return None if declared is None else make(_of_database(declared, aliases.primary(using)))
    return None


def find_of_now(historical: type[models.Model]) -> ModelCache | None:
    """Return the cache of the model that a migration sees as it once was.

    That has its label, `app.Model`; or its table, if it has been renamed or moved to another app since.
    """
    meta = historical._meta
    by_label = (cache for model, cache in _declared.items() if model._meta.label == meta.label)
    by_table = (cache for model, cache in _declared.items() if model._meta.db_table == meta.db_table)
    return next(by_label, None) or next(by_table, None)


def remember_historical(model: type[models.Model], make: Callable[[ModelCache], ModelCache]) -> None:
    """Let a model that only a migration sees have a cache, as long as it lives: thousands are made, and thrown away.

    Args:
        make: makes it of the cache that is registered.
    """
    setattr(model, _OF_THEN, make)


def when_registered(call: Callable[[ModelCache], None]) -> None:
    """Call this for each registration, now and later: `ready()` hands in what must not be imported here."""
    _when_registered.append(call)
    for cache in declared():
        call(cache)


def declared() -> list[ModelCache]:
    """Return one cache for each registered model."""
    return list(_declared.values())


def registered() -> list[ModelCache]:
    """Return all caches: of each model one for each database whose rows this process or another one has cached.

    Raises:
        QueueUnavailable: there are several databases, and the queue server does not say which are in use.
    """
    if len(list(connections.settings)) == 1:
        return declared()
    known = announced_tables.aliases()
    return [cache for each in declared() for cache in _of_all_databases(each, known.get(each.model._meta.label, set()))]


def known() -> list[ModelCache]:
    """Return all caches; where the queue server does not say which databases are in use, one for each model."""
    try:
        return registered()
    except QueueUnavailable:
        return declared()


def _of_all_databases(declared: ModelCache, announced: set[str]) -> list[ModelCache]:
    used = {using for model, using in _of_others if model is declared.model}
    with contextlib.suppress(Exception):  # a router that must know whose request this is
        used.add(aliases.chosen(declared.model))
    if declared.table.announced or not used | announced:
        used.add(declared.using)
    return [_of_database(declared, using) for using in sorted(used | announced) if using in connections.settings]


def in_every_database(declared: ModelCache) -> list[ModelCache]:
    """Return the caches of one model: of the default database, and of each that anybody has announced.

    Raises:
        UnknownDatabase: one of these is not in DATABASES of this process.
        QueueUnavailable: the queue server does not say which there are.
    """
    announced = announced_tables.aliases().get(declared.model._meta.label, set())
    used = {using for model, using in _of_others if model is declared.model}
    return [_of_database(declared, using) for using in sorted({declared.using} | used | announced)]


def has_queues() -> bool:
    """Return whether any registered model's writes may wait. Asks no server."""
    return any(cache.queue for cache in declared())


def with_queue() -> list[ModelCache]:
    """Return the caches whose writes may wait. Raises as `registered` does."""
    return [cache for cache in registered() if cache.queue]


def by_queue(name: str) -> ModelCache:
    """Return the cache whose waiting writes are in this list.

    Raises:
        NotRegistered: there is none.
        UnknownDatabase: they are those of a database that this process does not know.
    """
    plain, using = aliases.split(name)
    for cache in _declared.values():
        if cache.queue == plain:
            return _of_database(cache, using)
    raise NotRegistered(f"No registered cache has the queue {name!r}.")


def by_name(name: str) -> ModelCache:
    """Return the cache with this name in its keys. Raises as `by_queue` does."""
    plain, using = aliases.split(name)
    for cache in _declared.values():
        if cache.table.slots.name == plain:
            return _of_database(cache, using)
    names = ", ".join(cache.table.slots.name for cache in _declared.values())
    raise NotRegistered(f"No registered model has the name {name!r}; there are {names}.")


def forget_announcements() -> None:
    """Make every cache announce its version again before it serves, and remember no slot that it has emptied."""
    for cache in (*_declared.values(), *_of_others.values()):
        cache.table.told(None)
        cache.table.places.emptied.clear()


test_runs.when_emptied(forget_announcements)
