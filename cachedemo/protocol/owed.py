"""What a writer does when the cache does not answer: the row is owed, and a flush empties its slots later."""

from collections.abc import Collection, Iterable
from typing import Any, Self

from cachedemo.exceptions import CacheUnavailable, SourceUnavailable
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks


class or_owed:  # as `taken` in outcomes.py
    """Run a step on the slots of these rows; note them as owed if the cache does not answer.

    Attributes:
        owed: which were noted, once it is over.

    Raises:
        QueueUnavailable: nor does the queue, so nobody knows of it.
    """

    __slots__ = ("owed", "pks", "table")

    def __init__(self, table: CachedTable, pks: Iterable[Any]) -> None:
        self.table, self.pks = table, pks
        self.owed: Collection[Any] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, CacheUnavailable):
            self.owed = list(self.pks if error.rows is None else error.rows)
        elif isinstance(error, SourceUnavailable):  # the database was asked which hints to empty
            self.owed = list(self.pks)
        else:
            return False
        self.table.queue.owe(self.owed)
        return True


def empty_slots(table: CachedTable, pks: Iterable[Any]) -> int:
    """Empty the slots of these rows in every live version; a version that appears meanwhile is seen to from then on.

    Returns:
        How many rows are owed, because the cache did not answer.
    """
    left = 0
    for some in in_chunks(pks):
        versions = table.queue.versions()
        with or_owed(table, some) as step:
            table.slots.drop(some, versions)
        left += len(step.owed)
    return left
