"""The one UPDATE of the protocol: each field by its own stamp, and only rows that are older."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

from django.db import Error as DatabaseFailure
from django.db import connections

from cachedemo.protocol import database_errors, stamps
from cachedemo.protocol.added import added, times_named
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.increments import Changes, most_steps, steps
from cachedemo.protocol.waiting_fields import Fields

Steps = Mapping[str, int]  # name of a field -> how many deltas, each with its own stamp, one row may have at most
NO_STEPS: Steps = {}
Waiting = tuple[Any, Fields, int]  # a row's key, what waits for it, and the newest of the stamps


class Shape(NamedTuple):
    """What a statement is like that writes some rows.

    Attributes:
        names: the fields that it sets, those that a row of them names.
        most: of those for which increments wait, `increments.most_steps` of the rows.
        at_once: whether each row names all of them, at the newest of its stamps, and increments none.
    """

    names: Sequence[str]
    most: Steps
    at_once: bool


def shape_of(table: CachedTable, rows: Sequence[Waiting]) -> Shape:
    """Return the one that fits all of these rows."""
    named = {name for _, fields, _ in rows for name in fields}
    names = [name for name in table.codec.written if name in named]
    most = most_steps(fields for _, fields, _ in rows)
    at_once = (
        not most
        and all(len(fields) == len(names) for _, fields, _ in rows)
        and all(at == stamp for _, fields, stamp in rows for at, _ in fields.values())
    )
    return Shape(names, most, at_once)


def update_statement(table: CachedTable, shape: Shape | None = None) -> str:
    """Return it. The stamp comes last: MySQL sets columns from left to right.

    Args:
        shape: of the rows that it will be sent with; without it sets every field, and increments none.
    """
    shape = shape or Shape(list(table.codec.written), NO_STEPS, at_once=False)
    connection = connections[table.using]
    quote = connection.ops.quote_name
    pk, stamp = (quote(str(field.column)) for field in table.statements.columns[:2])
    reached = reached_of(stamp)
    assignments = [
        f"{quote(str(field.column))} = %s" if shape.at_once else _assignment(connection, field, reached, deltas)
        for field, deltas in ((table.codec.written[name], shape.most.get(name, 0)) for name in shape.names)
    ]
    name = quote(table.model._meta.db_table)
    assigned = ", ".join([*assignments, f"{stamp} = %s"])
    return f"UPDATE {name} SET {assigned} WHERE {pk} = %s AND {reached} < %s"


def reached_of(stamp: str) -> str:
    """Return the SQL of the stamp that a row has reached, from its column's: an improper one counts as none."""
    return f"CASE WHEN {stamp} BETWEEN 0 AND {stamps.END - 1} THEN {stamp} ELSE 0 END"


def shown_condition(table: CachedTable) -> tuple[str, list[Any]]:
    """Return what keeps it to the rows that the registration's manager shows, with its parameters."""
    if table.row_filter is None:
        return "", []
    return table.row_filter.sql(table.rows.query.get_compiler(table.using))


def _assignment(connection: Any, field: Any, reached: str, deltas: int) -> str:
    column = connection.ops.quote_name(str(field.column))
    steps = f" WHEN {reached} < %s THEN {added(connection, field, column)}" * deltas if deltas else ""
    return f"{column} = CASE WHEN {reached} < %s THEN %s{steps} ELSE {column} END"


def parameters_of(table: CachedTable, connection: Any, row: Waiting, shape: Shape) -> list[Any]:
    """A field that is not named has stamp 0, and no row is older than that."""
    pk, fields, stamp = row
    parameters: list[Any] = []
    for name in shape.names:
        if (waiting := fields.get(name)) is None:
            parameters += (0, None)
        elif type(waiting[1]) is Changes:
            parameters += _of_changes(table, connection, name, waiting[1], shape.most[name])
            continue
        else:
            value = prepared(table, name, waiting[1], connection)
            parameters += (value,) if shape.at_once else (waiting[0], value)
        if shape.most and name in shape.most:
            parameters += _unused(connection, shape.most[name])
    return [*parameters, stamp, key_of(table, pk, connection), stamp]


def parameters_of_all(
    table: CachedTable, connection: Any, rows: Sequence[Waiting], shape: Shape
) -> list[Sequence[Any]]:
    """Return the same of many rows; where each names all fields at once, a field after the other, in half the time."""
    if not shape.at_once:
        return [parameters_of(table, connection, row, shape) for row in rows]
    columns = [_column(table, name, [fields[name][1] for _, fields, _ in rows], connection) for name in shape.names]
    stamps = [stamp for _, _, stamp in rows]
    return list(zip(*columns, stamps, _keys(table, [pk for pk, _, _ in rows], connection), stamps, strict=True))


def _column(table: CachedTable, name: str, values: list[Any], connection: Any) -> list[Any]:
    if name in table.codec.plain_texts and set(map(type, values)) == {str}:
        return values
    return [prepared(table, name, value, connection) for value in values]


def _keys(table: CachedTable, pks: list[Any], connection: Any) -> list[Any]:
    keys = table.codec.keys.whole_of(pks)
    return keys if keys is not None else [key_of(table, pk, connection) for pk in pks]


def key_of(table: CachedTable, pk: Any, connection: Any) -> Any:
    """Return a row's key as the driver takes it."""
    return table.codec.pk.get_db_prep_save(table.codec.to_pk(pk), connection)


def _of_changes(table: CachedTable, connection: Any, name: str, changes: Changes, most: int) -> list[Any]:
    """A value first, then deltas: the first of them that the row is older than counts."""
    prepared_steps = [(at, prepared(table, name, value, connection), adds) for at, value, adds in steps(changes)]
    sets = [(at, value) for at, value, adds in prepared_steps if not adds] or [(0, None)]
    deltas = [(at, *repeat(value, times_named(connection))) for at, value, adds in prepared_steps if adds]
    return [*chain(*sets), *chain(*deltas), *_unused(connection, most - len(deltas))]


def _unused(connection: Any, deltas: int) -> list[Any]:
    return [0] * ((1 + times_named(connection)) * deltas)


def statement_for(
    table: CachedTable, rows: Iterable[Waiting], *, of_all_fields: bool = False
) -> tuple[str, list[Sequence[Any]]]:
    """Return the UPDATE for these rows and the parameters of each of them.

    Args:
        of_all_fields: whether it sets those too that no row names, to what they are: so it fails where a column is
            gone, while SQLite takes the name of one that there is not, in quotes, for a text.
    """
    connection, rows = connections[table.using], list(rows)
    shape = shape_of(table, rows)
    if of_all_fields:
        shape = Shape(list(table.codec.written), shape.most, at_once=False)
        return _of_all_fields(table, shape), parameters_of_all(table, connection, rows, shape)
    return update_statement(table, shape), parameters_of_all(table, connection, rows, shape)


def _of_all_fields(table: CachedTable, shape: Shape) -> str:
    if shape.most:
        return update_statement(table, shape)
    table.statements.update = table.statements.update or update_statement(table, shape)
    return table.statements.update


def prepared(table: CachedTable, name: str, value: Any, connection: Any) -> Any:
    """Return a value as the driver takes it. Raises one of UNPREPARABLE, whatever a project's own field raises."""
    if type(value) is str and name in table.codec.plain_texts:
        return value
    try:
        return table.codec.written[name].get_db_prep_save(table.codec.parse(name, value), connection)
    except (*database_errors.UNPREPARABLE, DatabaseFailure):
        raise
    except Exception as error:
        raise ValueError(f"{name} cannot be prepared for the database.") from error
