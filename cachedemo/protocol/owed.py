"""What a writer does when the cache does not answer: the row is owed, and a flush empties its slots later."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cachedemo.exceptions import CacheUnavailable, SourceUnavailable
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks


@contextmanager
def or_owed(table: CachedTable, pks: Iterable[Any]) -> Iterator[None]:
    """Run a step on the slots of these rows; note them as owed if the cache does not answer.

    Raises:
        QueueUnavailable: nor does the queue, so nobody knows of it.
    """
    try:
        yield
    except CacheUnavailable as error:
        table.queue.owe(pks if error.rows is None else error.rows)
    except SourceUnavailable:  # the database was asked which hints to empty
        table.queue.owe(pks)


def empty_slots(table: CachedTable, pks: Iterable[Any]) -> None:
    """Empty the slots of these rows in every live version; a version that appears meanwhile is seen to from then on."""
    for some in in_chunks(pks):
        versions = table.queue.versions()
        with or_owed(table, some):
            table.slots.drop(some, versions)
