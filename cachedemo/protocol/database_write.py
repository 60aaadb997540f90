"""One write of one row to the database, from the mark to the last step before the acknowledgement.

Cache-aside and write-through, creates, deletes and the signals all take these steps, in this order: mark, stamp (those
of an update are under way at the same time), (the database commits), replace or empty the slot, settle up. A process
may be killed between any two; what it leaves is worked off by the next flush once `owed` is overdue.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, QueueUnavailable, SourceUnavailable, VersionConflict
from cachedemo.protocol import hints, on_commit, slot_format, stats, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.slot_format import is_older_value
from cachedemo.protocol.waiting import Stamp
from cachedemo.protocol.waiting_fields import not_refused, refused


class DatabaseWrite:
    """The steps of one write; `pk` is None until a created row has one.

    Args:
        names: the fields that it writes; None for all of the row, as an insert and a deletion do.

    Attributes:
        carried: what waited, and is written along with them.
        row: the values that it has given the row; None where the database is asked, if need be.
    """

    def __init__(self, table: CachedTable, pk: Any, names: Collection[str] | None = None) -> None:
        self.table = table
        self.pk = pk
        self.names = names
        self.carried: Collection[str] = ()
        self.row: Values | None = None
        self.token = slot_format.token()
        self._slots = table.slots  # the same from the mark to the finish, whatever an operator switches
        self.stamped: Stamp | None = None
        self.outcome = transactions.Outcome()
        self.hides = False  # whether the registration's manager hides the row as it was written
        self._is_marked = False
        self._mark_lies_over: Callable[[], bytes] | None = None  # waits for a mark that is under way
        self._cache_failed = False
        self._server = b""  # which one the cache was before the mark was put there

    def mark(self) -> None:
        """Put a mark over the slot: only what is put in its place is sure to replace nothing newer."""
        self._is_marked = True
        try:
            self._server = self._slots.server(self.pk)
            self._slots.mark(self.pk, self.token)
        except CacheUnavailable:
            self._cache_failed = True

    def begin_mark(self) -> None:
        """Send the mark, so that the cache puts it there while the queue is asked for the stamp."""
        self._is_marked = True
        try:
            self._server = self._slots.server(self.pk)
            self._mark_lies_over = self._slots.begin_mark(self.pk, self.token)
        except CacheUnavailable:
            self._cache_failed = True

    def stamp(self, floor: int = 0) -> Stamp:
        """Get a stamp above `floor`, after the mark or beside it.

        A mark that came after the stamp may hide that a newer write-behind was published, unless it lies over a value
        that is older. So the queue is asked whether any waits, or whether our version is being deleted; then the stamp
        is taken anew, after the mark.
        """
        try:
            stamped = self._take_stamp(floor)
        finally:
            is_certain = self._mark_hides_nothing()
        return stamped if is_certain or self._is_told_the_same() else self._take_stamp(floor)

    def _mark_hides_nothing(self) -> bool:
        """Wait for a mark that is under way; say whether it certainly hides nothing newer than the stamp."""
        mark_lies_over, self._mark_lies_over = self._mark_lies_over, None
        if mark_lies_over is None:
            return True
        try:
            beginning = mark_lies_over()
        except CacheUnavailable:
            self._cache_failed = True  # then nothing is filled
            return True
        return self.stamped is not None and is_older_value(beginning, self.stamped.stamp, self._server)

    def _is_told_the_same(self) -> bool:
        """Whether the queue says of the row, and of our version, what it said with the stamp."""
        assert self.stamped is not None
        [pending], announced = self.table.queue.pending([self.pk], self.table.slots.version)
        pending = on_commit.without_superseded(self.table.using, self.table, {self.pk: pending})[self.pk]
        return pending == self.stamped.pending and announced == self.stamped.announced

    def _take_stamp(self, floor: int) -> Stamp:
        version, owed_for = self._announced_version(), self.table.options.lease_timeout
        taken = self.table.queue.stamp(self.pk, self.token, owed_for, floor, version)
        pending = on_commit.without_superseded(self.table.using, self.table, {self.pk: taken.pending})[self.pk]
        self.stamped = taken._replace(pending=pending)
        versions.still_announced(self.table, self.stamped.announced)  # else the next write announces it first
        return self.stamped

    def stamp_deletion(self) -> Stamp:
        """Do the same for a deletion; write-behind is refused from here on."""
        version, owed_for = self._announced_version(), self.table.options.lease_timeout
        self.stamped = self.table.queue.stamp_deletion(self.pk, self.token, owed_for, version)
        return self.stamped

    def _announced_version(self) -> str:
        if not self.table.announced:
            with contextlib.suppress(VersionConflict):  # then its slots are not to be trusted, and stay empty
                versions.announce_unless_closed(self.table)
        return self.table.slots.version

    @contextlib.contextmanager
    def transaction(self) -> Iterator[transactions.Outcome]:
        """Run this write's statements in a transaction of its own, and remember what is certain of it."""
        with transactions.writing(self.table.using) as self.outcome:
            yield self.outcome

    def replace_slot(self, entry: Entry) -> None:
        """Put the committed row over the mark; empty the slots of the other live versions.

        A version that is being deleted is not filled, nor one that is gone: no other writer would update its slot.
        Nor is anything filled if the mark may still be on its way: it would arrive after writes that are newer.
        """
        assert self.stamped is not None
        self._finish(entry if self._may_fill(self.stamped.announced) else None)

    def _may_fill(self, announced: bytes | None) -> bool:
        """Say whether the slot may be filled, from what was announced of our version after the mark was put there."""
        if self.hides or self.table.options.triggers:  # one that is deferred acts at COMMIT, after any look at the row
            return False
        return not self._cache_failed and announced is not None and announced == self.table.announced

    def empty_slot(self) -> None:
        """Empty the slot, and those of the other live versions."""
        self._finish(None)

    def _finish(self, entry: Entry | None) -> None:
        assert self.stamped is not None
        with taken("database"):
            try:
                self._slots.finish(self.pk, self.token, entry, self.stamped.versions, self._server)
                if entry is None:
                    self.table.places.has_emptied(self.pk)
                self._empty_hints(self.stamped.versions)
            except (CacheUnavailable, SourceUnavailable):
                self._cache_failed = True

    def _empty_hints(self, versions: Iterable[str]) -> None:
        """Let nobody find another row any more by a unique value that this write has given to this one."""
        lookups = hints.written(self.table, self.names, self.carried)
        if self.row is None or self.table.options.triggers:
            hints.empty_of(self.table, lookups, [self.pk], versions)
        elif lookups:
            hints.empty(self.table, lookups, [self.row], versions)

    def settle_up(self) -> None:
        """Drop what this write superseded; after this it may be acknowledged.

        Raises:
            OutcomeUnknown: the queue gives no usable answer; the database has the write all the same.
        """
        assert self.stamped is not None
        with taken("database"):  # where this fails, it stays owed
            self._leave(self.stamped.stamp)
        self._count_superseded()

    def _count_superseded(self) -> None:
        """Count what waited, and no flush will write any more."""
        assert self.stamped is not None
        waiting = not_refused(self.stamped.pending).keys() - set(self.carried)
        gone = waiting if self.names is None else waiting & set(self.names)
        stats.count(self.table.counts.superseded, len(gone))

    def finish_create(self, entry: Entry) -> None:
        """Settle up, then put the new row over the mark; after this it may be acknowledged.

        A new row is marked after its stamp, and its version may be deleted between the two. So what is announced is
        looked at again: a deletion that begins after that look finds the mark and takes it away.

        Raises:
            OutcomeUnknown: as `settle_up`.
        """
        assert self.stamped is not None
        try:
            with taken("database"):
                announced = self._leave(self.stamped.stamp)
        except OutcomeUnknown:
            self.empty_slot()
            raise
        self._finish(entry if announced == self.stamped.announced and self._may_fill(announced) else None)
        if self._cache_failed:
            with taken("database"):
                self.table.queue.owe([self.pk])

    def finish_save(self) -> None:
        """Empty the slot and settle up, as the last step of a save or delete that has committed.

        Raises:
            OutcomeUnknown: neither the slots nor the list of what is owed could be reached.
        """
        self.empty_slot()
        try:
            self.settle_up()
        except OutcomeUnknown:
            if self._cache_failed or self._replaces_refused():
                raise  # else the slot is empty: what the queue still holds is older than the row, and its flush says so

    def _replaces_refused(self) -> bool:
        """Whether readers lay something over this write until it has settled up."""
        assert self.stamped is not None
        fields = refused(self.stamped.pending).keys()
        return bool(fields if self.names is None else fields & set(self.names))

    def as_finish(self) -> Finish:
        """Return the last steps of a save or a deletion, for the transaction's hooks."""
        assert self.stamped is not None
        return Finish(self.table, [self.pk], self.finish_save, self.stamped.stamp, self.names)

    def restore(self) -> None:
        """Put the old value back, since nothing was written for certain."""
        if self._is_marked:
            with contextlib.suppress(CacheUnavailable):
                self._slots.unmark(self.pk, self.token)
        self.withdraw()

    def restore_if_certain(self) -> None:
        """Put the old value back only where it is certain that nothing was written.

        Else mark and owed stay: the flush that works them off empties the slot.
        """
        if self.outcome.nothing_written and self.pk is not None:
            self.restore()

    def withdraw(self) -> None:
        """Owe nothing any more: nothing was written, and no mark was put over the slot."""
        if self.stamped is not None and self.pk is not None:
            with contextlib.suppress(QueueUnavailable):  # then it stays owed, and a slot too many is emptied
                self._leave(0)

    def _leave(self, superseded_below: int) -> bytes | None:
        """Owe nothing any more, but what the cache could not be told; return what is announced of our own version."""
        assert self.stamped is not None
        queue, version, finished = self.table.queue, self.table.slots.version, list(self.stamped.versions)
        if self._cache_failed:
            queue.owe([self.pk])
        settle_up = partial(queue.settle_up, self.pk, self.token, superseded_below)
        while (settled := settle_up(finished, version, self.names)).appeared:
            finished += settled.appeared
            with or_owed(self.table, [self.pk]):
                self._slots.drop([self.pk], settled.appeared)
                self._empty_hints(settled.appeared)
        return settled.announced
