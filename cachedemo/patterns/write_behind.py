"""Write-behind: the queue acknowledges, the cache shows it, a flush writes the database later."""

from typing import Any

from cachedemo.protocol import reads, slots, versions, wake
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.waiting import NotQueued


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
    base, shown = reads.find_values(table, pk)
    values = _without_unchanged_unique(table, values, shown)
    options = table.options
    queued = table.queue.enqueue(pk, base.stamp, options.max_pending, values, options.fsync_within)
    with taken("queue"):
        entry = table.codec.overlay(shown, base.stamp, queued.pending)
        over = base.slot if versions.still_live(table, queued.versions) else None
        with or_owed(table, [pk]):
            if table.slots.publish(pk, over, entry, queued.versions):
                entry = entry._replace(slot=slots.slot_of(entry))
        if queued.first:
            wake.wake(table.queue.name)
        return entry


def _without_unchanged_unique(table: CachedTable, values: Values, base: Values) -> Values:
    """Leave out unique fields that keep their value; write-behind must not acknowledge what the database may refuse."""
    unique = table.unique_fields & values.keys()
    if not unique:
        return values
    rest = {name: value for name, value in values.items() if name not in unique}
    changed = {name for name in unique if values[name] != base[name]}
    if changed or not rest:
        only_related = all(table.codec.fields[name].remote_field for name in changed or unique)
        raise NotQueued("foreign key" if only_related else "unique field")
    return rest
