"""Which model has which cache: declared in each app's `caches.py`, found by autodiscovery."""

import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from cachedemo import registration_checks
from cachedemo.exceptions import CacheUnavailable, NotRegistered, QueueUnavailable, Unavailable
from cachedemo.model_cache import ModelCache
from cachedemo.servers import durability, forgetting
from cachedemo.servers.outages import Error

logger = logging.getLogger(__name__)

_caches: dict[type[models.Model], ModelCache] = {}
_historical: "WeakKeyDictionary[type[models.Model], ModelCache]" = WeakKeyDictionary()
_when_registered: list[Callable[[ModelCache], None]] = []

Declared = TypeVar("Declared", bound=type[ModelCache])


def register(model: type[models.Model]) -> Callable[[Declared], Declared]:
    """Register the decorated `ModelCache` subclass for `model`.

    Raises:
        ImproperlyConfigured: rows of such a model cannot be cached; the model has a cache already, or another model has
            its name or its queue; or an option is invalid.
        FieldDoesNotExist: it has no such field, or none that can be cached.
    """

    def declare(declared: Declared) -> Declared:
        registration_checks.check_model(model)
        cache = declared(model)
        registration_checks.check(cache)
        for other in _caches.values():
            if other.model is model or other.name == cache.name or (cache.queue and other.queue == cache.queue):
                raise ImproperlyConfigured(
                    f"{model._meta.label} cannot be registered as {cache.name!r} with {cache.queue!r}: "
                    f"{other.model._meta.label} is, as {other.name!r} with {other.queue!r}."
                )
        _caches[model] = cache
        for call in _when_registered:
            call(cache)
        return declared

    return declare


def cache_for(model: type[models.Model]) -> ModelCache:
    """Return the cache of a model. Raises NotRegistered if it has none."""
    if not isinstance(model, type):
        raise NotRegistered(f"{model!r} is no model: name the class itself, as in cache_for(User).")
    try:
        return _caches[model]
    except KeyError:
        raise NotRegistered(f"{model._meta.label} has no cache: register one in the caches.py of its app.") from None


def find_cache(model: type[models.Model]) -> ModelCache | None:
    """Return the cache that a write of this model concerns: its own, a proxy's concrete model's, a parent table's."""
    concrete: type[models.Model] = model._meta.concrete_model or model
    for each in (concrete, *concrete._meta.get_parent_list()):
        cache = _caches.get(each) or _historical.get(each)
        if cache is not None:
            return cache
    return None


def find_label(label: str) -> ModelCache | None:
    """Return the cache of the model with this label, `app.Model`."""
    return next((cache for model, cache in _caches.items() if model._meta.label == label), None)


def remember_historical(model: type[models.Model], cache: ModelCache) -> None:
    """Let a model that only a migration sees have this cache, as long as it lives."""
    _historical[model] = cache


def when_registered(call: Callable[[ModelCache], None]) -> None:
    """Call this for each registration, now and later: `ready()` hands in what must not be imported here."""
    _when_registered.append(call)
    for cache in registered():
        call(cache)


def registered() -> list[ModelCache]:
    """Return all caches."""
    return list(_caches.values())


def with_queue() -> list[ModelCache]:
    """Return the caches whose writes may wait."""
    return [cache for cache in _caches.values() if cache.queue]


def by_queue(name: str) -> ModelCache:
    """Return the cache whose waiting writes are in this list. Raises NotRegistered if there is none."""
    for cache in _caches.values():
        if cache.queue == name:
            return cache
    raise NotRegistered(f"No registered cache has the queue {name!r}.")


def by_name(name: str) -> ModelCache:
    """Return the cache with this name in its keys. Raises NotRegistered if there is none."""
    for cache in _caches.values():
        if cache.table.slots.name == name:
            return cache
    names = ", ".join(cache.table.slots.name for cache in _caches.values())
    raise NotRegistered(f"No registered model has the name {name!r}; there are {names}.")


def announce_all() -> None:
    """Announce every version when a process starts, so that a conflict ends it there and not at the first request.

    A queue that gives no answer now is asked again before anything is served.

    Raises:
        VersionConflict: a version is live with other fields.
        ImproperlyConfigured: cache and queue are one database, by whatever names.
    """
    if with_queue():
        _refuse_one_database()
    for cache in _caches.values():
        try:
            cache.announce()
        except QueueUnavailable as error:
            logger.warning("Version %d of %s is not announced yet: %s", cache.version, cache.name, error)
    if with_queue():
        _warn_of_losses()
    _warn_of_a_cache_that_remembers()


def _refuse_one_database() -> None:
    with contextlib.suppress(Unavailable, Error):  # FLUSHDB asks again
        if durability.is_one_database():
            raise ImproperlyConfigured(
                "Cache and queue are the same Redis database, where FLUSHDB on the cache would lose acknowledged "
                "writes: give CACHEDEMO['QUEUE_URL'] another one."
            )


def _warn_of_losses() -> None:
    try:
        warnings = durability.of_queue().warnings
    except QueueUnavailable:
        return  # said above
    for warning in warnings:
        logger.warning("%s", warning)


def _warn_of_a_cache_that_remembers() -> None:
    with contextlib.suppress(CacheUnavailable):  # reads and writes go on without it, and cache_ping asks again
        for warning in forgetting.of_cache():
            logger.warning("%s", warning)


def forget_announcements() -> None:
    """Make every cache announce its version again before it serves."""
    for cache in _caches.values():
        cache.table.announced = None
