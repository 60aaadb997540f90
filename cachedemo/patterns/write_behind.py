"""Write-behind: the queue acknowledges, the cache shows it, a flush writes the database later.

What the queue does not take goes write-through.
"""

from collections.abc import Collection
from typing import Any

from cachedemo.patterns import Pattern, write_through
from cachedemo.patterns.written import Written
from cachedemo.protocol import counters, reads, spans, versions, wake
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.counters import NOTHING, Addition, Unknowable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.unique_fields import without_unchanged
from cachedemo.protocol.waiting import Enqueued, NotQueued


def behind_or_through(
    table: CachedTable, pk: Any, values: Values, if_match: str | None, added: Addition = NOTHING
) -> Written:
    """Queue the named fields of a row, or write them through where the queue does not take them; tell which it was.

    Raises as `update` does, or as `write_through.update`.
    """
    try:
        return Written(update(table, pk, values, if_match, added), Pattern.WRITE_BEHIND)
    except NotQueued as refused:
        table.counts.count_not_queued(refused.reason)
        entry = write_through.update(table, pk, values, if_match, added)
        return Written(entry, Pattern.WRITE_THROUGH, refused.reason)


def update(table: CachedTable, pk: Any, values: Values, if_match: str | None, added: Addition = NOTHING) -> Entry:
    """Queue the named fields of a row and return it as every read shows it from now on.

    With `if_match` it is not queued: only in the database, with the row locked, it can be decided in the same step as
    the write whether the row still is what the caller has seen.

    Raises:
        DoesNotExist: there is no such row.
        ValidationError: what an increment makes of what readers see is invalid.
        NotQueued: the queue does not take it; go write-through instead.
        QueueUnavailable, SourceUnavailable: nothing was written.
        OutcomeUnknown: the queue may have it, and it is not acknowledged. Nobody takes it back.
    """
    if if_match is not None:
        raise NotQueued("If-Match")
    refuse_what_cannot_wait(table, {*values, *added.deltas})
    if why := counters.why_through(table, added):
        raise NotQueued(why)
    base, shown = reads.find_values(table, pk)
    places = table.places
    if places.closed:
        raise NotQueued("closed")  # its table may be new, so that no note stands at its queue
    counters.after(table, shown, added)
    values = without_unchanged(table.codec.fields, table.unique_fields, values, shown)
    options = table.options
    spans.note(table, pk)
    queued = places.queue.enqueue(pk, base.stamp, options.max_pending, values, options.fsync_within, added.deltas)
    with taken("queue"):
        try:
            entry = over_base(table, base, shown, queued, added)
        except Unknowable:
            return read_anew(table, pk, queued)
        may_publish = versions.still_live(table, queued.versions) and not table.is_hidden_by(queued.pending)
        over = base.slot if may_publish else None
        with or_owed(table, [pk]):
            entry = entry._replace(slot=table.slots.publish(pk, over, entry, queued.versions))
        if queued.first:
            wake.wake(table.queue.name)
        return entry


def refuse_what_cannot_wait(table: CachedTable, names: Collection[str]) -> None:
    """Raise NotQueued for a write of these fields that reads could not show before its flush."""
    if not table.sources.isdisjoint(names):
        raise NotQueued("generated column")  # until the flush, reads would show what it was computed from before
    if table.is_hidden_by(names):
        raise NotQueued("manager")  # only the database tells whether the row is still one that there is


def over_base(table: CachedTable, base: Entry, shown: Values, queued: Enqueued, added: Addition) -> Entry:
    """Return a row as reads show it once the queue has taken the write. Raises Unknowable if that cannot be told."""
    pending = counters.over_base(table, shown, base.stamp, queued, added.deltas)
    return table.codec.overlay(shown, base.stamp, pending)


def read_anew(table: CachedTable, pk: Any, queued: Enqueued) -> Entry:
    """Empty the slot where nobody can tell how much of somebody else's increments the base had; read what there is."""
    with or_owed(table, [pk]):
        table.slots.settle({str(pk): queued.stamp}, queued.versions)
    if queued.first:
        wake.wake(table.queue.name)
    entry = reads.find(table, pk)
    if entry.body is None:
        raise table.missing(pk)
    return entry
