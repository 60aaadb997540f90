"""Cache-aside and write-through of many rows: one transaction, in which each step is one for a thousand of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cachedemo.patterns.bulk_insert import keys_by_stamp
from cachedemo.patterns.bulk_update import Named, prepare
from cachedemo.protocol import database, loading, reads, row_locks, transactions
from cachedemo.protocol.bulk_write import BulkWrite, pieces
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks, keys_in_a_statement
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.inserted_values import InsertingQuerySet
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.probe import accepts_insert, accepts_update, telling_rows_from_statements


def update(table: CachedTable, rows: Mapping[Any, Values], *, fills: bool) -> dict[Any, Entry]:
    """Write the named fields of each row that exists, all of them or none; return each as reads show it.

    Args:
        fills: whether the slots have the rows afterwards.

    Raises:
        UnknownFieldWaiting, SourceUnavailable, QueueUnavailable: nothing was written.
        OutcomeUnknown: it may have been written; not acknowledged.
        Whatever the database refuses a value with.
    """
    if not rows:
        return {}
    writes = again_if_overtaken(table, table.using, lambda: _write(table, rows))
    for write in writes:
        write.finish()
    return _shown(table, [pk for write in writes for pk in write.pks], fills)


def _write(table: CachedTable, rows: Mapping[Any, Values]) -> list[BulkWrite]:
    writes: list[BulkWrite] = []
    outcome = transactions.Outcome()
    try:
        with telling_rows_from_statements(table, accepts_update), transactions.writing(table.using) as outcome:
            locked = _lock(table, rows)
            for names, some in _alike(rows, locked):
                for piece in pieces(some):
                    writes.append(BulkWrite(table, list(piece), names))
                    prepare(table, writes[-1], piece, Named(names, names), ours=True)
                    database.apply_locked(table, _with_stamp(rows, writes[-1]))
    except Exception:
        _withdraw(writes, outcome)
        raise
    return writes


def _lock(table: CachedTable, rows: Mapping[Any, Values]) -> dict[Any, int]:
    locked: dict[Any, int] = {}
    in_order = sorted(rows, key=lambda pk: (len(str(pk)), str(pk)))  # as a flush has it
    for some in in_chunks(in_order, keys_in_a_statement(table.using)):
        locked |= row_locks.lock_found(table, table.shown_rows.filter(pk__in=some), table.using)
    return locked


def _alike(rows: Mapping[Any, Values], locked: Mapping[Any, int]) -> Iterator[tuple[Collection[str], dict[Any, int]]]:
    """Yield those rows together that name the same fields: only these may lose what is refused."""
    groups: dict[frozenset[str], dict[Any, int]] = {}
    for pk, stamp in locked.items():
        groups.setdefault(frozenset(rows[pk]), {})[pk] = stamp
    yield from groups.items()


def _with_stamp(rows: Mapping[Any, Values], write: BulkWrite) -> list[tuple[Any, dict[str, tuple[int, Any]], int]]:
    return [(pk, {name: (write.stamp, value) for name, value in rows[pk].items()}, write.stamp) for pk in write.pks]


def _withdraw(writes: Sequence[BulkWrite], outcome: transactions.Outcome) -> None:
    if outcome.nothing_written:  # else what is owed empties the slots
        for write in writes:
            write.withdraw()


def create(table: CachedTable, instances: Sequence[Any], *, fills: bool) -> list[Entry]:
    """Insert the rows, all of them or none, and return them in their order. Sends no signals, as `bulk_create()`.

    Raises as `update` does.
    """
    if not instances:
        return []
    new = BulkWrite(table, ())
    new.take_stamp()
    for instance in instances:
        setattr(instance, STAMP, new.stamp)
    writes: list[BulkWrite] = []
    outcome = transactions.Outcome()
    try:
        with telling_rows_from_statements(table, accepts_insert), transactions.writing(table.using) as outcome:
            rows: InsertingQuerySet[Any] = InsertingQuerySet(table.model, using=table.using)
            rows.codec = table.codec
            rows.bulk_create(instances)
            for some in in_chunks(_keys(table, instances, new.stamp)):
                writes.append(BulkWrite(table, some))
                writes[-1].take_stamp(floor=new.stamp)
                writes[-1].stamp = new.stamp
    except Exception:
        _withdraw(writes, outcome)
        raise
    for write in writes:
        write.finish()
    shown = _shown(table, [pk for write in writes for pk in write.pks], fills)
    return [shown[pk] for write in writes for pk in write.pks if pk in shown]


def _keys(table: CachedTable, instances: Sequence[Any], stamp: int) -> list[Any]:
    if any(instance.pk is None for instance in instances):  # the database did not say: MySQL
        return sorted(keys_by_stamp(table, table.using, stamp))
    return [table.to_pk(instance.pk) for instance in instances]


def _shown(table: CachedTable, pks: Sequence[Any], fills: bool) -> dict[Any, Entry]:
    entries: dict[Any, Entry] = {}
    with taken("database"):
        for some in in_chunks(pks):
            found = reads.find_many(table, some) if fills else loading.load_many(table, some)[0]
            entries |= {pk: entry for pk, entry in found.items() if entry.body is not None}
            hidden = [pk for pk in some if pk not in entries] if table.row_filter is not None else []
            for pk, (stamp, values) in database.select_many(table, hidden, hidden_too=True).items() if hidden else ():
                entries[pk] = Entry(table.codec.encode(values), stamp, Origin.SOURCE)
    return entries
