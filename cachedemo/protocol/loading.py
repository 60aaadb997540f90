"""Loading rows from the database, and over them what waits for it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from cachedemo import conf
from cachedemo.exceptions import QueueUnavailable
from cachedemo.protocol import database, events, on_commit, spans, stamps, stats, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.database import Row
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.increments import Changes
from cachedemo.protocol.model_stats import LOADS
from cachedemo.protocol.waiting_fields import Fields, oldest_stamp, refused


def load(table: CachedTable, pk: Any) -> tuple[Entry, bool]:
    """Return the row with what waits for it, and whether it may fill a slot."""
    entries, may_fill = load_many(table, [pk])
    return entries[pk], may_fill


def load_hidden(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Entry]:
    """Return rows that the registration's manager may hide, with what waits for them: pk -> entry of each there is.

    For those who may see them all the same, as the people in the admin may.
    """
    if table.row_filter is None or not pks:
        return {}
    entries, _ = load_many(table.with_hidden_rows(), pks)
    return {pk: entry for pk, entry in entries.items() if entry.body is not None}


def load_many(table: CachedTable, pks: Sequence[Any]) -> tuple[dict[Any, Entry], bool]:
    """Do the same for many rows: pk -> entry."""
    with spans.span("load", table):
        return _load_many(table, pks)


def _load_many(table: CachedTable, pks: Sequence[Any]) -> tuple[dict[Any, Entry], bool]:
    started = time.perf_counter()
    entries: dict[Any, Entry] = {}
    left, may_fill = list(pks), True
    while left:
        waiting, may_fill_these = _pending(table, left)  # before the rows: a flush between the two is in them
        rows = select_rows(table, left, waiting)
        waiting, again = _without_doubt(table, waiting, rows)
        entries |= {pk: shown(table, rows.get(pk), waiting[pk]) for pk in waiting}
        left, may_fill = again, may_fill and may_fill_these
    LOADS.took(time.perf_counter() - started)
    stats.count_loaded(table.reads, entries.values())
    if events.cache_miss.receivers:
        events.tell_misses(table, entries)
    return entries, may_fill


def shown(table: CachedTable, row: Row | None, waiting: Fields) -> Entry:
    """Return a row as reads show it; it is missing if the registration's manager hides it, as it is shown."""
    stamp, values = row or (0, None)
    entry = table.codec.overlay(values, stamp, waiting)
    hides = table.is_hidden_by(waiting) and not table.shows(entry)
    return table.codec.overlay(None, 0, {}) if hides else entry


def select_rows(table: CachedTable, pks: Sequence[Any], waiting: Mapping[Any, Fields]) -> dict[Any, Row]:
    """Return those that there are, and each that something may hide or show that waits: another release's write."""
    if table.row_filter is None:
        return _select(table, pks, hidden_too=True)
    open_to_change = [pk for pk in pks if table.is_hidden_by(waiting[pk])]
    found = _select(table, [pk for pk in pks if pk not in open_to_change], hidden_too=False)
    return found | _select(table, open_to_change, hidden_too=True)


def _select(table: CachedTable, pks: Sequence[Any], hidden_too: bool) -> dict[Any, Row]:
    if len(pks) != 1:
        return database.select_many(table, pks, hidden_too) if pks else {}
    row = database.select(table, pks[0], hidden_too)
    return {pks[0]: row} if row else {}


def _without_doubt(
    table: CachedTable, waiting: Mapping[Any, Fields], rows: Mapping[Any, Row]
) -> tuple[dict[Any, Fields], list[Any]]:
    """Return what waits for each row, as it is to be laid over it, and the rows that must be loaded anew.

    A row that has reached the stamp of a waiting field has its value, unless that was refused in between: then a
    write of another field has passed it. So the queue is asked once more.
    """
    doubtful = [pk for pk, fields in waiting.items() if pk in rows and _reached(fields, rows[pk])]
    if not doubtful:
        return dict(waiting), []
    now, _ = _pending(table, doubtful)
    again = [pk for pk in doubtful if not _still_waits(_reached(waiting[pk], rows[pk]), now[pk])]
    known = {pk: fields | _refused_by_now(now.get(pk, {})) for pk, fields in waiting.items() if pk not in again}
    return known, again


def _refused_by_now(now: Fields) -> Fields:
    return {name: now[name] for name in refused(now)}


def _reached(fields: Fields, row: Row) -> Fields:
    return {name: field for name, field in fields.items() if oldest_stamp(field) <= row[0]}


def _still_waits(fields: Fields, now: Fields) -> bool:
    """Whether these fields still wait, refused or not. Increments that are refused are something else: a value."""
    return all(name in now and _is_as_it_was(field, now[name]) for name, field in fields.items())


def _is_as_it_was(field: tuple[int, Any], now: tuple[int, Any]) -> bool:
    if type(field[1]) is Changes or type(now[1]) is Changes:
        return field == now
    return stamps.written(now[0]) == field[0]


def _pending(table: CachedTable, pks: Sequence[Any]) -> tuple[dict[Any, Fields], bool]:
    try:
        pending, announced = table.queue.pending(pks, table.slots.version)
    except QueueUnavailable:
        if conf.get("STRICT_READS"):
            raise
        return {pk: {} for pk in pks}, False  # an acknowledged value may be waiting there: fill nothing
    waiting = on_commit.without_superseded(table.using, table, dict(zip(pks, pending, strict=True)))
    return waiting, versions.still_announced(table, announced)
