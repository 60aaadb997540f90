"""`delete()` of a registered model takes the protocol's steps: mark before, finish on commit. So do cascades.

`save()` takes them in `patterns/saving.py`. `QuerySet.update()`, the bulk methods and raw SQL send no signals.
"""

from typing import Any

from django.db import models
from django.db.models.signals import pre_delete

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import on_commit
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.on_commit import Finish
from cachedemo.registry import find_cache


def connect() -> None:
    """Listen to every model; the handlers leave those alone that are not registered."""
    pre_delete.connect(before_delete, dispatch_uid="cachedemo")


def before_delete(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Mark and stamp; write-behind is refused from here on. The slot is emptied when the transaction commits."""
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
    on_commit.finish_first(using, Finish(cache.table, instance.pk, write.finish_save))
