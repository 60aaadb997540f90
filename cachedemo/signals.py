"""`delete()` of a registered model takes the protocol's steps: mark before, finish on commit. So do cascades.

`save()` takes them in `patterns/saving.py`, `QuerySet.update()` and the bulk methods in `managers.py`. Only those
models are listened to whose deletion concerns a registered one: of any other, Django deletes rows without loading them.

`cache_hit`, `cache_miss`, `flushed`, `dead_lettered` and `drift_found` are sent to those who listen; see
`protocol/events.py` for what comes with each.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.deletion import (
    CASCADE,
    DO_NOTHING,
    PROTECT,
    RESTRICT,
    SET_NULL,
    get_candidate_relations_to_delete,
)
from django.db.models.signals import pre_delete

from cachedemo import registry
from cachedemo.exceptions import CachedemoError
from cachedemo.managers import CachedQuerySet
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import bulk_update
from cachedemo.patterns.bulk_update import Named
from cachedemo.protocol import database, on_commit, transactions
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.events import cache_hit, cache_miss, dead_lettered, drift_found, flushed

__all__ = ["cache_hit", "cache_miss", "dead_lettered", "drift_found", "flushed"]

_listened_to: set[str] = set()  # labels of models
_of_then: dict[str, "_OfThen"] = {}  # by label


def listen_to_deletions_of(senders: Iterable[type[models.Model]]) -> None:
    """Take the steps before rows of these models are deleted."""
    for model in senders:
        _listened_to.add(model._meta.label)
        pre_delete.connect(before_delete, sender=model, dispatch_uid="cachedemo")


class _OfThen:
    """The sender that stands for all the classes that migrations make of one model, anew for each change of a table.

    Django finds receivers by the id of the sender, or, of what has a `__func__` as a method has, by the ids of that and
    of its `__self__`. So one connection serves them all. With one each, which stays when its class has gone, every
    connection would look through those of thousands.
    """

    def __init__(self) -> None:
        self.__self__, self.__func__ = self, before_delete


def listen_to_deletions_of_historical(model: Any) -> None:
    """Do the same for a class that only a migration sees."""
    label = model._meta.label
    if label not in _of_then:
        _of_then[label] = _OfThen()
        pre_delete.connect(before_delete, sender=_of_then[label], dispatch_uid="cachedemo")  # type: ignore[arg-type]
    model.__self__, model.__func__ = _of_then[label], _of_then[label].__func__


def are_deletions_listened_to(label: str) -> bool:
    """Whether deletions of the model with this label, `app.Model`, are listened to."""
    return label in _listened_to


def before_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Take the steps for the row, and for the rows that Django or the database changes along with it."""
    cache = registry.find_cache(sender, using)
    # A child's parent row has a signal of its own, unless it is kept.
    if cache is not None and sender._meta.concrete_model is cache.model:
        _delete(cache, instance, using)
    for relation in get_candidate_relations_to_delete(sender._meta):
        _change_along(relation, instance, using)


def _delete(cache: ModelCache, instance: Any, using: str) -> None:
    """Mark and stamp; write-behind is refused from here on. The slot is emptied when the transaction commits."""
    transactions.refuse_manual_transactions(using)
    write = DatabaseWrite(cache.table, cache.table.to_pk(instance.pk))
    write.row = dict.fromkeys(cache.table.looked_up_by)  # it gives its unique values up, and takes none
    write.mark()
    try:
        write.stamp_deletion()
    except CachedemoError:
        write.restore()
        raise
    on_commit.finish_first(using, write.as_finish())


# rows that refer to what is deleted


def _change_along(relation: Any, instance: Any, using: str) -> None:
    model, field = relation.related_model, relation.field
    on_delete = field.remote_field.on_delete
    cache = registry.find_cache(model, using)
    if _is_cascade_of_the_database(on_delete):
        if cache is not None or model._meta.label in _listened_to:
            _referring(model, field, instance, using).delete()  # Django, and so we, before the database does it
    elif cache is not None and not _takes_steps_itself(model, on_delete):
        _touch(cache, _referring(model, field, instance, using), field, using)


def _is_cascade_of_the_database(on_delete: Any) -> bool:
    return getattr(on_delete, "operation", None) == "CASCADE"


def _takes_steps_itself(model: type[models.Model], on_delete: Any) -> bool:
    """Whether the row is deleted by Django too, keeps the other from being deleted, or is changed by our manager."""
    if not _changes_rows(on_delete):
        return True
    by_manager = getattr(on_delete, "lazy_sub_objs", False) and on_delete.__module__ == SET_NULL.__module__
    return by_manager and isinstance(model._base_manager.all(), CachedQuerySet)


def _referring(model: Any, field: Any, instance: Any, using: str) -> Any:
    return model._base_manager.using(using).filter(models.Q((field.name, instance)))


def _touch(cache: ModelCache, rows: Any, field: Any, using: str) -> None:
    """Take the steps of a change of this field, which somebody else makes later in this transaction."""

    restamp = functools.partial(database.restamp, cache.table)
    bulk_update.change(cache.table, rows, using, Named({field.attname}, {field.attname}), restamp)


def models_whose_deletion_changes_rows() -> Iterator[type[models.Model]]:
    """Find the models that registered ones refer to: directly, or over rows that the database deletes by itself."""
    seen: set[Any] = set()
    for cache in registry.declared():
        _follow(cache.model, _changes_rows, seen)
    return (model for model in apps.get_models() if model._meta.concrete_model in seen)


def _follow(model: Any, follows: Callable[[Any], bool], seen: set[Any]) -> None:
    for field in model._meta.concrete_fields:
        if field.remote_field is not None and follows(field.remote_field.on_delete):
            target = field.remote_field.model._meta.concrete_model
            if target not in seen:
                seen.add(target)
                _follow(target, _is_cascade_of_the_database, seen)


def _changes_rows(on_delete: Any) -> bool:
    """Whether Django or the database changes the rows that refer to what is deleted.

    What a trigger behind DO_NOTHING does is not looked for: Django deletes such models in one statement.
    """
    return on_delete not in (CASCADE, PROTECT, RESTRICT, DO_NOTHING)
