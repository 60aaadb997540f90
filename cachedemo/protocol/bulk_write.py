"""One write of many rows to the database, which the transaction under way has locked.

It takes the steps of `database_write.py` but for the mark: nothing is filled by it, and its finish empties the slots.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cachedemo.exceptions import CachedemoError, CacheUnavailable, OutcomeUnknown, QueueUnavailable, SourceUnavailable
from cachedemo.protocol import hints, on_commit, slot_format
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.waiting_fields import Fields

PIECE = 1000  # rows that get a stamp at once: one step of the queue must not hold up the others


def pieces(rows: Mapping[Any, int]) -> Iterator[dict[Any, int]]:
    """Cut rows (key -> stamp) into those of one write each."""
    remaining = iter(rows.items())
    while piece := dict(islice(remaining, PIECE)):
        yield piece


class BulkWrite:
    """The steps of one write of these rows.

    Args:
        names: the fields that it writes; None for all of the rows, as an insert does.

    Attributes:
        carried: what waited for the rows, and is written along with them.
        stamp: of all of them, once it has one.
    """

    def __init__(self, table: CachedTable, pks: Sequence[Any], names: Collection[str] | None = None) -> None:
        self.table = table
        self.pks = list(pks)
        self.names = names
        self.token = slot_format.token()
        self.carried: Collection[str] = ()
        self.stamp = 0
        self._versions: list[str] = []

    def take_stamp(self, floor: int = 0) -> list[Fields]:
        """Get a stamp above `floor` and all that waits, and owe the rows; return what waits for each."""
        taken = self.table.queue.stamp_many(self.pks, self.token, self.table.options.lease_timeout, floor)
        self.stamp, self._versions = taken.stamp, taken.versions
        waiting = dict(zip(self.pks, taken.pending, strict=True))
        return list(on_commit.without_superseded(self.table.using, self.table, waiting).values())

    def as_finish(self) -> Finish:
        """Return the last steps for the transaction's hooks."""
        return Finish(self.table, self.pks, self.finish, self.stamp, self.names)

    def withdraw(self) -> None:
        """Owe nothing any more: nothing was written."""
        try:
            self.table.queue.settle_up_many(self.pks, self.token, 0, self._versions)
        except QueueUnavailable:
            return  # it stays owed, and some slots too many are emptied

    def finish(self) -> None:
        """Empty the slots and drop what this write superseded, as the last step after its COMMIT.

        Raises:
            OutcomeUnknown: neither the slots nor the list of what is owed could be reached.
        """
        unreached = self._empty_slots()
        try:
            self._settle_up(unreached)
        except CachedemoError as error:
            if unreached:
                raise OutcomeUnknown(f"The database has the write, but its slots may be old: {error}") from error
            # else the slots are empty: what the queue still holds is older than the rows, and its flush says so

    def _empty_slots(self) -> Collection[Any]:
        """Return the rows whose slots could not be reached."""
        try:
            self._empty(self._versions)
        except CacheUnavailable as error:
            return self.pks if error.rows is None else error.rows
        except SourceUnavailable:
            return self.pks
        return ()

    def _empty(self, versions: Sequence[str]) -> None:
        lookups = hints.written(self.table, self.names, self.carried)
        hints.empty_with_slots(self.table, lookups, self.pks, versions)

    def _settle_up(self, unreached: Collection[Any]) -> None:
        queue, finished = self.table.queue, list(self._versions)
        if unreached:
            queue.owe(unreached)
        while appeared := queue.settle_up_many(self.pks, self.token, self.stamp, finished, self.names):
            finished += [version for version in appeared if version not in finished]
            with or_owed(self.table, self.pks):
                self._empty(appeared)
