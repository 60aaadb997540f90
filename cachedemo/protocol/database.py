"""The database: the statements of the protocol that read and write rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

from cachedemo.exceptions import StatementRefused
from cachedemo.protocol import row_locks, stamps, transactions
from cachedemo.protocol.answering import answering
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks, keys_in_a_statement
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.update_of_arrays import IN_ORDER, statement_of_arrays
from cachedemo.protocol.update_statement import key_of, shown_condition, statement_for
from cachedemo.protocol.waiting_fields import Fields

Row = tuple[int, Values]  # the stamp of the last write that reached it, and its values as JSON values


def select(table: CachedTable, pk: Any, hidden_too: bool = False) -> Row | None:
    """Return one row, read from where writes go.

    Args:
        hidden_too: whether a row counts that the registration's manager hides.
    """
    transactions.trip(table.using)
    if not hidden_too and table.row_filter is not None:
        return again_if_overtaken(table, table.using, lambda: _first(table, table.shown_rows.filter(pk=pk)))
    return again_if_overtaken(table, table.using, lambda: _select(table, pk))


def _select(table: CachedTable, pk: Any) -> Row | None:
    statement, parameters = table.statements.select
    connection = connections[table.using]
    with answering(), connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, key_of(table, pk, connection)])
        return _returned(table, cursor)


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

    What a trigger makes of its row once it is written, RETURNING does not tell.

    Returns None and writes nothing if the row has a stamp of `stamp` or above, or does not exist.
    """
    connection = connections[table.using]
    condition, its_parameters = ("", []) if hidden_too else shown_condition(table)
    statement, [parameters] = statement_for(table, [(pk, fields, stamp)], of_all_fields=True)
    statement, parameters = statement + condition, [*parameters, *its_parameters]
    returns = connection.vendor in ("sqlite", "postgresql") and not table.options.triggers
    if returns:
        returning, last = table.statements.returning
        statement, parameters = statement + returning, [*parameters, *last]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = _returned(table, cursor) if returns else _first(table, table.rows.filter(pk=pk))
        if cursor.rowcount:
            return row
    if row is not None and row[0] == stamp:  # SQLite shows what the row of a view would be, and writes nothing
        raise StatementRefused(f"{table.model._meta.db_table} is a view, and SQLite does not tell what it has written.")
    return None


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


def _returned(table: CachedTable, cursor: Any) -> Row | None:
    """Return the row that a statement has given back, its values as the fields have them."""
    rows = cursor.fetchall()
    return _row(table, table.statements.converted(rows[0])) if rows else None


def _names(table: CachedTable) -> list[str]:
    return [field.attname for field in table.statements.columns]


def _first(table: CachedTable, rows: Any) -> Row | None:
    with answering():
        row = next(iter(rows.values_list(*_names(table))), None)  # not first(), which sorts what is one row at most
    return None if row is None else _row(table, row)


def _row(table: CachedTable, row: Sequence[Any]) -> Row:
    pk, stamp, *values = row
    return stamps.proper(stamp), table.codec.values(dict(zip(table.codec.names, [pk, *values], strict=True)))
