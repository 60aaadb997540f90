"""Write-behind: the queue acknowledges, the cache shows it, a flush writes the database later.

What the queue does not take goes write-through.
"""

from typing import Any

from cachedemo.patterns import Pattern, write_through
from cachedemo.patterns.written import Written
from cachedemo.protocol import reads, slots, versions, wake
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.unique_fields import without_unchanged
from cachedemo.protocol.waiting import NotQueued


def behind_or_through(table: CachedTable, pk: Any, values: Values, if_match: str | None) -> Written:
    """Queue the named fields of a row, or write them through where the queue does not take them; tell which it was.

    Raises as `update` does, or as `write_through.update`.
    """
    try:
        return Written(update(table, pk, values, if_match), Pattern.WRITE_BEHIND)
    except NotQueued as refused:
        entry = write_through.update(table, pk, values, if_match)
        return Written(entry, Pattern.WRITE_THROUGH, refused.reason)


def update(table: CachedTable, pk: Any, values: Values, if_match: str | None) -> Entry:
    """Queue the named fields of a row and return it as every read shows it from now on.

    With `if_match` it is not queued: only in the database, with the row locked, it can be decided in the same step as
    the write whether the row still is what the caller has seen.

    Raises:
        DoesNotExist: there is no such row.
        NotQueued: the queue does not take it; go write-through instead.
        QueueUnavailable, SourceUnavailable: nothing was written.
        OutcomeUnknown: the queue may have it, and it is not acknowledged. Nobody takes it back.
    """
    if if_match is not None:
        raise NotQueued("If-Match")
    if not table.sources.isdisjoint(values):
        raise NotQueued("generated column")  # until the flush, reads would show what it was computed from before
    if table.is_hidden_by(values):
        raise NotQueued("manager")  # only the database tells whether the row is still one that there is
    base, shown = reads.find_values(table, pk)
    values = without_unchanged(table.codec.fields, table.unique_fields, values, shown)
    options = table.options
    queued = table.queue.enqueue(pk, base.stamp, options.max_pending, values, options.fsync_within)
    with taken("queue"):
        entry = table.codec.overlay(shown, base.stamp, queued.pending)
        may_publish = versions.still_live(table, queued.versions) and not table.is_hidden_by(queued.pending)
        over = base.slot if may_publish else None
        with or_owed(table, [pk]):
            if table.slots.publish(pk, over, entry, queued.versions):
                entry = entry._replace(slot=slots.slot_of(entry))
        if queued.first:
            wake.wake(table.queue.name)
        return entry
