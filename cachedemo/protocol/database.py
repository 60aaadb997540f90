"""The database: the statements of the protocol that read and write rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

from cachedemo.protocol import row_locks, stamps, transactions
from cachedemo.protocol.answering import answering
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks, keys_in_a_statement
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.update_of_arrays import IN_ORDER, statement_of_arrays
from cachedemo.protocol.update_statement import columns_of, shown_condition, statement_for
from cachedemo.protocol.waiting_fields import Fields

Row = tuple[int, Values]  # the stamp of the last write that reached it, and its values as JSON values


def select(table: CachedTable, pk: Any, hidden_too: bool = False) -> Row | None:
    """Return one row, read from where writes go.

    Args:
        hidden_too: whether a row counts that the registration's manager hides.
    """
    transactions.trip(table.using)
    return again_if_overtaken(table, table.using, lambda: _first(table, _rows(table, hidden_too).filter(pk=pk)))


def select_many(table: CachedTable, pks: Sequence[Any], hidden_too: bool = False) -> dict[Any, Row]:
    """Return the rows that exist: pk -> row. See `select`."""
    return again_if_overtaken(table, table.using, lambda: _select_many(table, pks, hidden_too))


def _select_many(table: CachedTable, pks: Sequence[Any], hidden_too: bool) -> dict[Any, Row]:
    found: dict[Any, Row] = {}
    with answering():
        for some in in_chunks(pks, keys_in_a_statement(table.using)):
            transactions.trip(table.using)
            rows = _rows(table, hidden_too).filter(pk__in=some).values_list(*_names(table))
            found |= {table.pk_of_row(row[0]): _row(table, row) for row in rows}
    return found


def lock(table: CachedTable, pk: Any, *, hidden_too: bool = True) -> Row | None:
    """Return one row and keep others from writing it until the transaction ends."""
    return _first(table, _rows(table, hidden_too).select_for_update().filter(pk=pk))


def stamp_of(table: CachedTable, pk: Any, *, hidden_too: bool = True) -> int | None:
    """Return the stamp of the last write that reached a row, None if there is no row."""
    stamp = _rows(table, hidden_too).filter(pk=pk).values_list(STAMP, flat=True).first()
    return None if stamp is None else stamps.proper(stamp)


def is_shown(table: CachedTable, pk: Any) -> bool:
    """Whether the registration's manager, if any, shows the row as it is by now: a trigger may have changed it."""
    return table.row_filter is None or table.shown_rows.filter(pk=pk).exists()


def _rows(table: CachedTable, hidden_too: bool) -> "QuerySet[Any]":
    return table.rows if hidden_too else table.shown_rows


def values_of(table: CachedTable, pks: Iterable[Any], attnames: Sequence[str]) -> list[Values]:
    """Return these fields of the rows that exist, as JSON values, in no order. A transaction sees its own writes."""
    found: list[Values] = []
    to_json = table.codec.to_json
    with answering():
        for some in in_chunks(pks, keys_in_a_statement(table.using)):
            transactions.trip(table.using)
            for row in table.rows.filter(pk__in=some).values(*attnames):
                found.append({name: None if row[name] is None else to_json(name, row[name]) for name in attnames})
    return found


def improper_stamps(table: CachedTable) -> int:
    """Return how many rows have a stamp that no queue can have handed out; looks at every row."""
    with answering():
        return table.rows.filter(stamps.improper()).count()


def apply(table: CachedTable, pk: Any, fields: Fields, stamp: int, *, hidden_too: bool = True) -> Row | None:
    """Write the fields that are newer than the row, in the transaction under way; return the whole row.

    Returns None and writes nothing if the row has a stamp of `stamp` or above, or does not exist.
    """
    connection = connections[table.using]
    condition, its_parameters = ("", []) if hidden_too else shown_condition(table)
    statement, [parameters] = statement_for(table, [(pk, fields, stamp)], of_all_fields=True)
    statement, parameters = statement + condition, [*parameters, *its_parameters]
    if connection.vendor in ("sqlite", "postgresql"):
        columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in columns_of(table))
        rows = list(table.rows.raw(f"{statement} RETURNING {columns}", parameters))
        return _row(table, [rows[0].__dict__[name] for name in _names(table)]) if rows else None
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return _first(table, table.rows.filter(pk=pk)) if cursor.rowcount else None


def apply_many(table: CachedTable, batch: Iterable[tuple[Any, Fields, int]]) -> None:
    """Do what `apply` does for many rows, (pk, fields, stamp) each, in one transaction and one round trip."""
    connection, batch = connections[table.using], list(batch)
    with transactions.writing(table.using), connection.cursor() as cursor:
        together = statement_of_arrays(table, batch)
        statement, parameters = together or statement_for(table, batch)
        with row_locks.waited_for_briefly(connection, IN_ORDER if together else ""):
            cursor.executemany(statement, parameters)


def apply_locked(table: CachedTable, batch: Iterable[tuple[Any, Fields, int]]) -> None:
    """Do the same in the transaction under way, which has locked the rows."""
    statement, parameters = statement_for(table, batch)
    if parameters:
        with connections[table.using].cursor() as cursor:
            cursor.executemany(statement, parameters)


def restamp(table: CachedTable, rows: Q, stamp: Any) -> int:
    """Give the rows that a condition finds this stamp, in the transaction under way; return how many there are."""
    plain: QuerySet[Any] = QuerySet(table.model, using=table.using)
    return plain.filter(rows).update(**{STAMP: stamp})


def apply_unlocked(table: CachedTable, batch: Iterable[tuple[Any, Fields, int]]) -> set[Any]:
    """Do the same for the rows that nobody else has locked; return the keys of the others.

    Writes nothing where no row is locked: then something else has taken too long.
    """
    by_pk = {table.codec.to_pk(pk): (pk, fields, stamp) for pk, fields, stamp in batch}
    connection = connections[table.using]
    with transactions.writing(table.using), connection.cursor() as cursor:
        locked = row_locks.locked_rows(table, list(by_pk))
        free = [each for pk, each in by_pk.items() if pk not in locked]
        if locked and free:
            statement, parameters = statement_for(table, free)
            with row_locks.waited_for_briefly(connection):  # a trigger may need what others have locked
                cursor.executemany(statement, parameters)
    return {by_pk[pk][0] for pk in locked}


def reconnect(using: str) -> None:
    """Let the next statement have a new connection: the old one may be lost, or lead to a server that is read-only.

    A pool would hand it out again, so it is closed, and not only given back.
    """
    connection: Any = connections[using]
    if not connection.in_atomic_block:
        if getattr(connection, "pool", None) and connection.connection is not None:
            connection.connection.close()
        connection.close()


def _names(table: CachedTable) -> list[str]:
    return [field.attname for field in columns_of(table)]


def _first(table: CachedTable, rows: Any) -> Row | None:
    with answering():
        row = rows.values_list(*_names(table)).first()
    return None if row is None else _row(table, row)


def _row(table: CachedTable, row: Sequence[Any]) -> Row:
    pk, stamp, *values = row
    return stamps.proper(stamp), table.codec.values(dict(zip(table.codec.names, [pk, *values], strict=True)))
