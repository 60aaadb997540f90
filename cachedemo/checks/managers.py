"""Whether what writes many rows of a registered model at once takes the steps."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register
from django.db import models

from cachedemo import registry
from cachedemo.managers import CachedQuerySet


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
        if not issubclass(manager._queryset_class, CachedQuerySet):
            yield manager


def _passing_by(model: type[models.Model], manager: models.Manager[Any]) -> Warning:
    kind = type(manager).__name__
    return Warning(
        f"{model._meta.label}.{manager.name} is a {kind}: what it writes by update(), bulk_update() and bulk_create() "
        f"bypasses the cache, whose readers see the old rows until these expire.",
        hint=f"Give it a class of your own, class {model.__name__}Manager(CachedManager, {kind}); CachedManager is in "
        f"cachedemo.managers. Silence this if nobody writes many rows by it.",
        obj=model,
        id="cachedemo.W033",
    )
