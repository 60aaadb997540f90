"""A table that `migrate` has just made: whatever the servers have under its name is of an earlier one.

After `migrate app zero`, or in a database that was deleted and made again, the same keys are handed out once more. What
waited for an old row would reach a new one, and a slot would show a row that is gone. A table that only gets its stamp
has been in no cache before, so there is nothing to forget of it.
"""

import logging
from typing import Any

from django.db import models
from django.db.migrations.operations import DeleteModel
from django.db.models.signals import post_migrate, pre_migrate

from cachedemo import conf, registry
from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.operations import emptied_tables, switch
from cachedemo.protocol import database_addresses, unmigrated
from cachedemo.servers import test_runs

logger = logging.getLogger(__name__)

_may_be_made: set[tuple[type[models.Model], str]] = set()  # by the `migrate` that is under way: model and alias


def follow() -> None:
    """Look at each `migrate` from here on; `unmigrated` must have looked before."""
    pre_migrate.connect(_look, dispatch_uid="cachedemo.new_tables")
    post_migrate.connect(_look_again, dispatch_uid="cachedemo.new_tables")


def _look(sender: Any, using: str, plan: Any = (), **kwargs: Any) -> None:
    for cache in registry.declared():
        model = cache.model
        if model._meta.app_config is sender and (_is_deleted(model, plan) or unmigrated.is_unmigrated(model, using)):
            _may_be_made.add((model, using))


def _is_deleted(model: type[models.Model], plan: Any) -> bool:
    """Whether a table of this name goes on the way, so that what is there in the end is another one."""
    of_app = (each for each, backwards in plan if not backwards and each.app_label == model._meta.app_label)
    operations = (operation for migration in of_app for operation in migration.operations)
    return any(isinstance(each, DeleteModel) and each.name_lower == model._meta.model_name for each in operations)


def _look_again(sender: Any, using: str, **kwargs: Any) -> None:
    looked_at = [model for model, alias in _may_be_made if alias == using and model._meta.app_config is sender]
    _may_be_made.difference_update((model, using) for model in looked_at)
    made = [model for model in looked_at if not unmigrated.is_unmigrated(model, using)]
    # A test run has keys of its own, which are emptied elsewhere.
    if not made or not conf.is_enabled() or test_runs.is_test_environment():
        return
    try:
        for model in made:
            _forget(registry.cache_for(model, using))
    except CachedemoError as error:
        labels = ", ".join(model._meta.label for model in made)
        logger.warning(
            "New tables, of %s, and what cache and queue may have of earlier ones could not be taken away: %s If there "
            "were any, run manage.py cache_switch off and then on, before anybody uses the new ones.",
            labels,
            error,
        )


def _forget(cache: ModelCache) -> None:
    """Empty the slots, and have nothing wait. Raises as `emptied_tables.forget` does."""
    if cache.queue and not cache.table.queue.versions():
        return  # nobody has used it yet
    if cache.queue and database_addresses.is_elsewhere(cache.using):
        switch.sweep([cache])  # but what waits may be for rows of that other database
    else:
        emptied_tables.forget([cache])
