"""What each class of a registered model gets: the model, its proxies and children, and the historical ones."""

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import class_prepared, post_migrate, pre_migrate

from cachedemo import registry, signals
from cachedemo.model_classes import automatic_managers, historical
from cachedemo.protocol import unmigrated


def adopt() -> None:
    """Give all classes that there are what they need, and those that come later too."""
    registry.when_registered(lambda cache: _adopt_all())
    class_prepared.connect(_adopt_later, dispatch_uid="cachedemo")
    pre_migrate.connect(_look_at_tables, dispatch_uid="cachedemo")
    post_migrate.connect(_look_again, dispatch_uid="cachedemo")


def _look_at_tables(sender: Any, using: str, plan: Any = (), **kwargs: Any) -> None:
    for cache in registry.declared():
        if cache.model._meta.app_config is sender:
            unmigrated.look_at(cache.model, using, backwards=any(backwards for _, backwards in plan))


def _look_again(sender: Any, using: str, **kwargs: Any) -> None:
    """Ask the database now, for whoever needs the table next may count queries."""
    for cache in registry.declared():
        if cache.model._meta.app_config is sender:
            unmigrated.look_again(cache.model, using)


def _adopt_all() -> None:
    models_there = apps.get_models(include_auto_created=True)
    for model in models_there:
        _adopt(model)
    for model in models_there:  # proxies and children have looked their parents' managers up already
        if registry.find_cache(model) is not None:
            meta: Any = model._meta
            meta._expire_cache()
    signals.listen_to_deletions_of(signals.models_whose_deletion_changes_rows())


def _adopt(model: type[models.Model]) -> None:
    if registry.find_cache(model) is not None:
        automatic_managers.replace(model)
        signals.listen_to_deletions_of([model])


def _adopt_later(sender: Any, **kwargs: Any) -> None:
    if historical.is_historical(sender):
        _adopt_historical(sender)
    else:
        _adopt(sender)


def _adopt_historical(model: Any) -> None:
    if registry.find_of_now(model) is not None and historical.has_the_stamp(model):
        registry.remember_historical(model, historical.cache_maker(model))
        historical.give_steps(model)
        automatic_managers.replace(model)
    elif not signals.are_deletions_listened_to(model._meta.label):
        return
    signals.listen_to_deletions_of_historical(model)
