"""Whether what writes many rows of a registered model at once takes the steps."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register
from django.db import models

from cachedemo import registry
from cachedemo.managers import CachedManager, CachedQuerySet


@register("cachedemo")
def check_managers(**kwargs: Any) -> list[CheckMessage]:
    """Each manager of a registered model, of a proxy and of a child makes querysets of ours."""
    said: dict[Any, CheckMessage] = {}
    for cache in registry.declared():
        concerned = [model for model in apps.get_models() if registry.find_cache(model) is cache]
        for model in (cache.model, *concerned):
            for manager in _plain(model):  # a proxy and a child have those of the model
                said.setdefault((cache.model, type(manager), manager.name), _passing_by(model, manager))
    return list(said.values())


def _plain(model: type[models.Model]) -> Iterator[models.Manager[Any]]:
    """Yield the managers that the project, or an app of Django's, has given it."""
    meta: Any = model._meta
    for manager in {id(each): each for each in (*meta.managers, meta.base_manager)}.values():
        if not issubclass(_querysets_of(manager), CachedQuerySet):
            yield manager


def _querysets_of(manager: models.Manager[Any]) -> type[Any]:
    """Return the class of the querysets that a manager really makes, where it can say so now."""
    declared: type[Any] = manager._queryset_class  # type: ignore[attr-defined]
    if type(manager).get_queryset is models.Manager.get_queryset:
        return declared
    try:
        return type(manager.get_queryset())
    except Exception:  # noqa: BLE001 - whatever a project's own asks for that there is in a request only
        return declared


def _passing_by(model: type[models.Model], manager: models.Manager[Any]) -> Warning:
    return Warning(
        f"{model._meta.label}.{manager.name} is a {type(manager).__name__}: what it writes by update(), bulk_update() "
        f"and bulk_create() bypasses the cache, whose readers see the old rows until these expire.",
        hint=f"{_fix(model, manager)}; it is in cachedemo.managers. Silence this if nobody writes many rows by it.",
        obj=model,
        id="cachedemo.W033",
    )


def _fix(model: type[models.Model], manager: models.Manager[Any]) -> str:
    made = _querysets_of(manager)
    if made is not manager._queryset_class and isinstance(manager, CachedManager):  # type: ignore[attr-defined]
        return f"Its get_queryset() makes a {made.__name__}: let that class inherit CachedQuerySet beside what it has"
    kind = next(each for each in type(manager).__mro__ if "<locals>" not in each.__qualname__)
    if kind is models.Manager:
        return f"Write {manager.name} = CachedManager() in the model"
    return f"Give it a class of your own, class {model.__name__}Manager(CachedManager, {kind.__name__})"
