"""`save()` and `delete()` of a registered model take the protocol's steps: mark before, finish on commit.

So do the admin, cascades and `loaddata`. `QuerySet.update()`, the bulk methods and raw SQL send no signals.
"""

from typing import Any

from django.db import models, transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from cachedemo.codec import STAMP
from cachedemo.exceptions import StaleInstance
from cachedemo.patterns.source_write import DELETION, WRITE, Guard, SourceWrite
from cachedemo.registry import find_cache


def connect() -> None:
    """Listen to every model; the handlers leave those alone that are not registered."""
    pre_save.connect(before_save, dispatch_uid="cachedemo")
    post_save.connect(after_save, dispatch_uid="cachedemo")
    pre_delete.connect(before_delete, dispatch_uid="cachedemo")
    post_delete.connect(after_delete, dispatch_uid="cachedemo")


def before_save(sender: type[models.Model], instance: Any, raw: bool, using: str, **kwargs: Any) -> None:
    """Mark and stamp. Raises StaleInstance if a write waits for the row that the instance has not seen."""
    cache = find_cache(sender)
    if cache is None or using != cache.using or isinstance(instance.__dict__.get(WRITE), SourceWrite):
        return  # not ours, or `create` takes the steps itself
    write = SourceWrite(cache, "" if instance.pk is None else instance.pk)
    if instance.pk is not None:
        write.mark()
    seen = getattr(instance, STAMP)
    stamped = write.stamp(floor=seen)
    unseen = sorted(name for name, (stamp, _) in stamped.pending.items() if stamp > seen)
    if unseen:
        write.restore()
        raise StaleInstance(
            f"{', '.join(unseen)} of {instance!r} still waits for the database and this instance has not seen it: "
            f"load it with cache_for({sender.__name__}).get({instance.pk!r}) and save that, "
            f"or name what changes with cache_for({sender.__name__}).update({instance.pk!r}, ...)."
        )
    instance.__dict__[WRITE] = Guard(write, seen=stamped.stamp if raw else seen, before=seen)
    setattr(instance, STAMP, stamped.stamp)


def after_save(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Finish when the transaction commits; a row that has just got its id is marked now."""
    guard = instance.__dict__.get(WRITE)
    if not isinstance(guard, Guard):
        return
    del instance.__dict__[WRITE]
    if guard.write.pk == "":
        guard.write.pk = instance.pk
        guard.write.mark()
    _finish_on_commit(guard.write, using)


def before_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Mark and stamp; write-behind is refused from here on."""
    cache = find_cache(sender)
    if cache is None or using != cache.using:
        return
    write = SourceWrite(cache, instance.pk)
    write.mark()
    write.stamp(gone=True)
    instance.__dict__[DELETION] = write


def after_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Empty the slot when the transaction commits."""
    write = instance.__dict__.pop(DELETION, None)
    if write is not None:
        _finish_on_commit(write, using)


def _finish_on_commit(write: SourceWrite, using: str) -> None:
    def finish() -> None:
        write.finish(None)
        write.settle_up()

    transaction.on_commit(finish, using=using)
