"""`save()` and `delete()` of a registered model take the protocol's steps: mark before, finish on commit.

So do the admin, cascades and `loaddata`. `QuerySet.update()`, the bulk methods and raw SQL send no signals.
"""

from typing import Any

from django.db import models, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from cachedemo.exceptions import CachedemoError, StaleInstance
from cachedemo.patterns.save_state import DELETION, WRITE, Guard, committed, remember, seen_by
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.waiting import Fields
from cachedemo.registry import find_cache


def connect() -> None:
    """Listen to every model; the handlers leave those alone that are not registered."""
    pre_save.connect(before_save, dispatch_uid="cachedemo")
    post_save.connect(after_save, dispatch_uid="cachedemo")
    pre_delete.connect(before_delete, dispatch_uid="cachedemo")
    post_delete.connect(after_delete, dispatch_uid="cachedemo")


def before_save(
    sender: type[models.Model], instance: Any, raw: bool, using: str, update_fields: Any = None, **kwargs: Any
) -> None:
    """Mark and stamp. Raises StaleInstance if the save would lose a write that waits for the row."""
    cache = find_cache(sender)
    if cache is None or using != cache.table.using or isinstance(instance.__dict__.get(WRITE), DatabaseWrite):
        return  # not ours, or `create` takes the steps itself
    if STAMP in instance.get_deferred_fields():
        raise StaleInstance(f"{instance!r} was loaded without {STAMP}: what has it seen? {_fix(instance)}")
    seen, own = seen_by(instance), getattr(instance, STAMP)
    write = DatabaseWrite(cache.table, "" if instance.pk is None else instance.pk)
    if instance.pk is not None:
        write.mark()
    try:
        stamped = write.stamp(floor=max(seen, own))
        _refuse_to_lose(instance, stamped.pending, seen, update_fields)
    except CachedemoError:
        write.restore()
        raise
    remember(instance, seen)
    instance.__dict__[WRITE] = Guard(write, seen=stamped.stamp if raw else seen, own=own)
    setattr(instance, STAMP, stamped.stamp)


def _refuse_to_lose(instance: Any, pending: Fields, seen: int, update_fields: Any) -> None:
    """The save supersedes all that waits for the row; so it must have seen all of it, and write all of it."""
    written = {
        field.attname
        for field in instance._meta.concrete_fields
        if update_fields is None or {field.name, field.attname} & set(update_fields)
    }
    lost = sorted(name for name, (stamp, _) in pending.items() if stamp > seen or name not in written)
    if lost:
        raise StaleInstance(
            f"{', '.join(lost)} of {instance!r} still waits for the database, and this save would lose it. "
            f"{_fix(instance)}"
        )


def _fix(instance: Any) -> str:
    cache = f"cache_for({type(instance).__name__})"
    return (
        f"Load it with {cache}.get({instance.pk!r}) and save that whole, "
        f"or name what changes with {cache}.update({instance.pk!r}, ...)."
    )


def after_save(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Finish when the transaction commits; a row that has just got its id is marked now."""
    guard = instance.__dict__.get(WRITE)
    if not isinstance(guard, Guard):
        return
    del instance.__dict__[WRITE]
    if guard.write.pk == "":
        guard.write.pk = instance.pk
        guard.write.mark()
    transaction.on_commit(lambda: committed(instance), using=using)
    _finish_on_commit(guard.write, using)


def before_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Mark and stamp; write-behind is refused from here on."""
    cache = find_cache(sender)
    if cache is None or using != cache.table.using:
        return
    write = DatabaseWrite(cache.table, instance.pk)
    write.mark()
    try:
        write.stamp_deletion()
    except CachedemoError:
        write.restore()
        raise
    instance.__dict__[DELETION] = write


def after_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Empty the slot when the transaction commits."""
    write = instance.__dict__.pop(DELETION, None)
    if write is not None:
        _finish_on_commit(write, using)


def _finish_on_commit(write: DatabaseWrite, using: str) -> None:
    def finish() -> None:
        write.empty_slot()
        write.settle_up()

    transaction.on_commit(finish, using=using)
