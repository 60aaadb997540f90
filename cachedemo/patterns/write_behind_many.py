"""Write-behind of many rows: cache, queue and cache are asked once each for a thousand of them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cachedemo.exceptions import CacheUnavailable
from cachedemo.patterns.write_behind import over_base, read_anew, refuse_what_cannot_wait
from cachedemo.protocol import reads, versions, wake
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.counters import NOTHING, Unknowable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.unique_fields import without_unchanged
from cachedemo.protocol.waiting import Enqueued, NotQueued, ToQueue


class Base(NamedTuple):
    """What a row was when its write was prepared, and the values that can wait in the queue."""

    entry: Entry
    shown: Values
    values: Values


def bases(table: CachedTable, rows: Mapping[Any, Values]) -> dict[Any, Base | None]:
    """Return what each row that exists is now; None for one whose write cannot wait. Nothing is written."""
    found: dict[Any, Base | None] = {}
    for pk, entry in reads.find_many(table, list(rows)).items():
        if entry.body is not None:
            found[pk] = _base(table, pk, entry, rows[pk])
    return dict.fromkeys(found) if table.closed else found


def _base(table: CachedTable, pk: Any, entry: Entry, values: Values) -> Base | None:
    try:
        shown = table.codec.decode(entry.body or b"")
    except ValueError:
        entry, shown = reads.find_values(table, pk)
    try:
        refuse_what_cannot_wait(table, values)
        return Base(entry, shown, without_unchanged(table.codec.fields, table.unique_fields, values, shown))
    except NotQueued:
        return None


def update(table: CachedTable, rows: Mapping[Any, Base]) -> dict[Any, Entry | None]:
    """Queue the values over their bases, and show them; return each row as reads show it, None if it was not taken.

    Raises:
        QueueUnavailable: nothing was written.
        OutcomeUnknown: the queue may have some of the writes, and none is acknowledged.
    """
    wanted = [ToQueue(pk, base.entry.stamp, base.values) for pk, base in rows.items()]
    answers = table.queue.enqueue_many(wanted, table.options.max_pending, table.options.fsync_within)
    queued = {row.pk: answer for row, answer in zip(wanted, answers, strict=True) if isinstance(answer, Enqueued)}
    entries: dict[Any, Entry | None] = dict.fromkeys(rows)
    with taken("queue"):
        entries |= _shown(table, {pk: rows[pk] for pk in queued}, queued)
        if any(each.first for each in queued.values()):
            wake.wake(table.queue.name)
    return entries


def _shown(table: CachedTable, rows: Mapping[Any, Base], queued: Mapping[Any, Enqueued]) -> dict[Any, Entry]:
    entries: dict[Any, Entry] = {}
    for pk, base in rows.items():
        try:
            entries[pk] = over_base(table, base.entry, base.shown, queued[pk], NOTHING)
        except Unknowable:
            entries[pk] = read_anew(table, pk, queued[pk])
    published = {pk: (_base_slot(table, rows[pk], queued[pk]), entry) for pk, entry in entries.items()}
    try:
        slots = table.slots.publish_many(published, _versions(queued.values()))
    except CacheUnavailable:  # in a cluster some of them may be done: all are owed, for the slots of other versions
        table.queue.owe(entries)
        return entries
    return {pk: entry._replace(slot=slots[pk]) for pk, entry in entries.items()}


def _base_slot(table: CachedTable, base: Base, queued: Enqueued) -> bytes | None:
    may_publish = versions.still_live(table, queued.versions) and not table.is_hidden_by(queued.pending)
    return base.entry.slot if may_publish else None


def _versions(queued: Iterable[Enqueued]) -> set[str]:
    return {version for each in queued for version in each.versions}
