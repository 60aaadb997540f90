"""The one UPDATE of the protocol: each field by its own stamp, and only rows that are older."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, repeat
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connections

from cachedemo.protocol import database_errors, stamps
from cachedemo.protocol.added import added, times_named
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.increments import Changes, most_steps, steps
from cachedemo.protocol.waiting_fields import Fields

Steps = Mapping[str, int]  # name of a field -> how many deltas, each with its own stamp, one row may have at most
NO_STEPS: Steps = {}


def update_statement(table: CachedTable, most: Steps = NO_STEPS) -> str:
    """Return it. The stamp comes last: MySQL sets columns from left to right.

    Args:
        most: of the fields for which increments wait, `increments.most_steps` of what it will be sent with.
    """
    quote = connections[table.using].ops.quote_name
    pk, stamp = (quote(str(field.column)) for field in columns_of(table)[:2])
    reached = f"CASE WHEN {stamp} BETWEEN 0 AND {stamps.END - 1} THEN {stamp} ELSE 0 END"
    assignments = [
        _assignment(connections[table.using], field, reached, most.get(name, 0))
        for name, field in table.codec.written.items()
    ]
    name = quote(table.model._meta.db_table)
    return f"UPDATE {name} SET {', '.join(assignments)}, {stamp} = %s WHERE {pk} = %s AND {reached} < %s"


def shown_condition(table: CachedTable) -> tuple[str, list[Any]]:
    """Return what keeps it to the rows that the registration's manager shows, with its parameters."""
    if table.row_filter is None:
        return "", []
    return table.row_filter.sql(table.rows.query.get_compiler(table.using))


def _assignment(connection: Any, field: Any, reached: str, deltas: int) -> str:
    column = connection.ops.quote_name(str(field.column))
    steps = f" WHEN {reached} < %s THEN {added(connection, field, column)}" * deltas if deltas else ""
    return f"{column} = CASE WHEN {reached} < %s THEN %s{steps} ELSE {column} END"


def parameters_of(
    table: CachedTable, connection: Any, pk: Any, fields: Fields, stamp: int, most: Steps = NO_STEPS
) -> list[Any]:
    """A field that is not named has stamp 0, and no row is older than that."""
    parameters: list[Any] = []
    for name, field in table.codec.written.items():
        if (waiting := fields.get(name)) is None:
            parameters += (0, None)
        elif type(waiting[1]) is Changes:
            parameters += _of_changes(table, connection, name, waiting[1], most[name])
            continue
        else:
            parameters += (waiting[0], _prepared(field, table.codec.parse, name, waiting[1], connection))
        if most and name in most:
            parameters += _unused(connection, most[name])
    return [*parameters, stamp, table.codec.pk.get_db_prep_save(table.codec.to_pk(pk), connection), stamp]


def _of_changes(table: CachedTable, connection: Any, name: str, changes: Changes, most: int) -> list[Any]:
    """A value first, then deltas: the first of them that the row is older than counts."""
    field, parse = table.codec.written[name], table.codec.parse
    prepared = [(at, _prepared(field, parse, name, value, connection), adds) for at, value, adds in steps(changes)]
    sets = [(at, value) for at, value, adds in prepared if not adds] or [(0, None)]
    deltas = [(at, *repeat(value, times_named(connection))) for at, value, adds in prepared if adds]
    return [*chain(*sets), *chain(*deltas), *_unused(connection, most - len(deltas))]


def _unused(connection: Any, deltas: int) -> list[Any]:
    return [0] * ((1 + times_named(connection)) * deltas)


def statement_for(table: CachedTable, rows: Iterable[tuple[Any, Fields, int]]) -> tuple[str, list[list[Any]]]:
    """Return the UPDATE for these rows, (pk, fields, stamp) each, and the parameters of each of them."""
    connection, rows = connections[table.using], list(rows)
    most = most_steps(fields for _, fields, _ in rows)
    return update_statement(table, most), [parameters_of(table, connection, *row, most) for row in rows]


def _prepared(field: Any, parse: Callable[[str, Any], Any], name: str, value: Any, connection: Any) -> Any:
    """Return a value as the driver takes it. Raises one of UNPREPARABLE, whatever a project's own field raises."""
    try:
        return field.get_db_prep_save(parse(name, value), connection)
    except (*database_errors.UNPREPARABLE, DatabaseFailure):
        raise
    except Exception as error:
        raise ValueError(f"{name} cannot be prepared for the database.") from error


def columns_of(table: CachedTable) -> list[Any]:
    meta = table.model._meta
    return [meta.pk, meta.get_field(STAMP), *table.codec.fields.values()]
