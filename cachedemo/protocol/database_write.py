"""One write of one row to the source, from the mark to the last step before the acknowledgement.

Cache-aside and write-through, creates, deletes and the signals all take these steps, in this order: mark, stamp,
(the source commits), finish, settle up. A process may be killed between any two; what it leaves is worked off by the
next flush once `owed` is overdue.
"""

import contextlib
from typing import TYPE_CHECKING, Any

from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, QueueUnavailable, VersionConflict
from cachedemo.protocol import slots
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.waiting import Stamp

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache


class SourceWrite:
    """The steps of one write; `pk` may be '' until a created row has one."""

    def __init__(self, cache: "ModelCache", pk: Any) -> None:
        self.cache = cache
        self.pk = pk
        self.token = slots.token()
        self.stamped: Stamp | None = None
        self._cache_failed = False

    def mark(self) -> None:
        """Put a mark over the slot, so that whatever was loaded before the commit is not filled after it."""
        try:
            self.cache.slots.mark(self.pk, self.token)
        except CacheUnavailable:
            self._cache_failed = True

    def stamp(self, floor: int = 0, *, gone: bool = False) -> Stamp:
        """Get a stamp above `floor`; always after the mark, so that no newer write-behind is marked over."""
        cache = self.cache
        if not cache.announced:
            with contextlib.suppress(VersionConflict):  # then its slots are not to be trusted, and stay empty
                cache.announce()
        self.stamped = cache.queue_of_writes.stamp(
            self.pk, self.token, cache.lease_timeout, floor, gone, cache.slots.version
        )
        return self.stamped

    def finish(self, entry: Entry | None) -> None:
        """Put the committed row over the mark, or empty the slot; empty those of the other live versions.

        A version that is being deleted is not filled, nor one that is gone: no other writer would see to its slot.
        Nor is anything filled if the mark may still be on its way: it would come after writes that are newer.
        """
        assert self.stamped is not None
        if self._cache_failed or self.stamped.announced is None or self.stamped.announced != self.cache.announced:
            entry = None
        try:
            self.cache.slots.finish(self.pk, self.token, entry, self.stamped.versions)
        except CacheUnavailable:
            self._cache_failed = True

    def settle_up(self) -> None:
        """Drop what this write superseded; after this it may be acknowledged.

        Raises:
            OutcomeUnknown: the queue gives no answer; the source has the write all the same.
        """
        assert self.stamped is not None
        try:
            self._leave(self.stamped.stamp)
        except QueueUnavailable as error:  # it stays owed
            raise OutcomeUnknown(f"The database has the write, but it cannot be acknowledged: {error}") from error

    def restore(self) -> None:
        """The source said no for certain: put the old value back and leave as if nothing had been."""
        with contextlib.suppress(CacheUnavailable):
            self.cache.slots.restore(self.pk, self.token)
        if self.stamped is not None:
            with contextlib.suppress(QueueUnavailable):  # then it stays owed, and a slot too many is emptied
                self._leave(0)

    def _leave(self, superseded_below: int) -> None:
        assert self.stamped is not None
        queue, versions = self.cache.queue_of_writes, list(self.stamped.versions)
        if self._cache_failed:
            queue.owe([self.pk])
        while appeared := queue.settle_up(self.pk, self.token, superseded_below, versions):
            versions += appeared
            try:
                self.cache.slots.drop([self.pk], appeared)
            except CacheUnavailable:
                queue.owe([self.pk])
