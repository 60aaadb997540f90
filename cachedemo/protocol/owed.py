"""What a writer does when the cache does not answer: the row is owed, and a flush empties its slots later."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol.cached_table import CachedTable


@contextmanager
def or_owed(table: CachedTable, pks: Iterable[Any]) -> Iterator[None]:
    """Run a step on the slots of these rows; note them as owed if the cache does not answer.

    Raises:
        QueueUnavailable: nor does the queue, so nobody knows of it.
    """
    try:
        yield
    except CacheUnavailable:
        table.queue.owe(pks)


def empty_slots(table: CachedTable, pks: Iterable[Any]) -> None:
    """Empty the slots of these rows in every live version."""
    pks = list(pks)
    versions = table.queue.versions()
    with or_owed(table, pks):
        table.slots.drop(pks, versions)
