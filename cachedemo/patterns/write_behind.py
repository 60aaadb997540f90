"""Write-behind: the queue acknowledges, the cache shows it, a flush writes the source later."""

from typing import TYPE_CHECKING, Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import reads, slots, wake
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.waiting import Refusal

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache


def update(cache: "ModelCache", pk: Any, values: Values) -> Entry:
    """Queue the named fields of a row and return it as every read shows it from now on.

    Raises:
        DoesNotExist: there is no such row.
        Refusal: the queue does not take it; go write-through instead.
        QueueUnavailable, SourceUnavailable: not acknowledged.
    """
    base, shown = reads.find_values(cache, pk)
    values = _without_unchanged_unique(cache, values, shown)
    taken = cache.queue_of_writes.enqueue(pk, base.stamp, cache.max_pending, values, cache.fsync_within)
    entry = cache.codec.overlay(shown, base.stamp, taken.pending)
    try:
        if cache.slots.publish(pk, base.slot, entry, taken.versions):
            entry = entry._replace(slot=slots.slot_of(entry))
    except CacheUnavailable:
        cache.queue_of_writes.owe([pk])
    if taken.first:
        wake.wake(str(cache.queue))
    return entry


def _without_unchanged_unique(cache: "ModelCache", values: Values, base: Values) -> Values:
    """Leave out unique fields that keep their value; write-behind must not acknowledge what the source may refuse."""
    unique = cache.unique_fields & values.keys()
    if not unique:
        return values
    rest = {name: value for name, value in values.items() if name not in unique}
    changed = {name for name in unique if values[name] != base[name]}
    if changed or not rest:
        only_related = all(cache.codec.fields[name].remote_field for name in changed or unique)
        raise Refusal("foreign key" if only_related else "unique field")
    return rest
