"""The same UPDATE for all rows of a batch in one statement, on PostgreSQL: its parameters travel as arrays.

It does what `update_statement.py` has a statement a row for, and takes the server half the time. Where a column's type
is none of those below, that remains the way; and a row alone always goes it, so that what is refused is refused by it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections

from cachedemo.protocol.added import added
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.update_statement import Shape, Waiting, parameters_of_all, reached_of, shape_of

# A nested loop takes the rows in the order of the arrays, as a statement a row would: so nobody who locks rows in the
# order of their keys, as a write of many does, waits for a flush that waits for him.
IN_ORDER = (
    "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), "
    "set_config('enable_seqscan', 'off', true)"
)

Literal = Callable[[Sequence[Any]], Any]


class _NotOurs(Exception):
    """Raised for a value of another class than the type has: what a project's own field makes is the driver's task."""


def _numbers(values: Sequence[Any]) -> str:
    if not all(value is None or isinstance(value, int | float | Decimal | UUID) for value in values):
        raise _NotOurs
    return _array("NULL" if value is None else str(value) for value in values)


def _texts(values: Sequence[Any]) -> str:
    if not all(value is None or type(value) is str for value in values):
        raise _NotOurs
    return _array("NULL" if value is None else f'"{_escaped(value)}"' for value in values)


def _array(parts: Iterable[str]) -> str:
    return "{" + ",".join(parts) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# Type of a column, without length -> how its values are written down; `list` leaves it to the driver. Arrays have no
# length either: the column decides what is too long, as ever, where a cast would cut it off.
_LITERALS: dict[str, Literal] = {
    "smallint": _numbers,
    "integer": _numbers,
    "bigint": _numbers,
    "numeric": _numbers,
    "double precision": _numbers,
    "boolean": _numbers,
    "uuid": _numbers,
    "varchar": _texts,
    "text": _texts,
    "date": list,
    "time": list,
    "timestamp": list,
    "timestamp with time zone": list,
    "interval": list,
    "jsonb": list,
}
_ONLY_TYPE = re.compile(r"\(.*?\)")


def statement_of_arrays(table: CachedTable, rows: Iterable[Waiting]) -> tuple[str, list[list[Any]]] | None:
    """Return it and, as of one row, its parameters, an array each; None if these rows cannot go so."""
    connection, rows = connections[table.using], list(rows)
    if len(rows) < 2 or connection.vendor != "postgresql" or not hasattr(connection.connection, "pipeline"):
        return None
    shape = shape_of(table, rows)
    if (types := _types(table, connection, shape)) is None:
        return None
    columns = list(zip(*parameters_of_all(table, connection, rows, shape), strict=True))
    *columns, stamps, keys, _ = columns
    if len(set(keys)) < len(keys):
        return None  # of two rows of the arrays, the UPDATE would take either
    try:
        arrays = [_LITERALS[each](values) for each, values in zip(types, [*columns, stamps, keys], strict=True)]
    except _NotOurs:
        return None
    return _statement(table, connection, shape, types), [arrays]


def goes_as_array(field: Any, connection: Any) -> bool:
    """Whether the values of a field may travel so."""
    return connection.vendor == "postgresql" and _type(field, connection) in _LITERALS


def _types(table: CachedTable, connection: Any, shape: Shape) -> list[str] | None:
    """Return the types of the parameters of a row, the key's last; None if there are others than ours."""
    found: list[str] = []
    for name in shape.names:
        value = _type(table.codec.written[name], connection)
        found += [value] if shape.at_once else ["bigint", value]
        found += ["bigint", value] * shape.most.get(name, 0)
    found += ["bigint", _type(table.codec.pk, connection)]
    return found if _LITERALS.keys() >= set(found) else None


def _type(field: Any, connection: Any) -> str:
    return _ONLY_TYPE.sub("", field.db_type(connection) or "")


def _statement(table: CachedTable, connection: Any, shape: Shape, types: Sequence[str]) -> str:
    quote = connection.ops.quote_name
    name = quote(table.model._meta.db_table)
    pk, stamp = (quote(str(field.column)) for field in table.statements.columns[:2])
    reached = reached_of(f"{name}.{stamp}")
    parameters = (f"waiting.p{number}" for number in range(len(types)))
    assignments = [
        _assignment(connection, table.codec.written[each], name, reached, shape, each, parameters)
        for each in shape.names
    ]
    new_stamp, key = parameters
    arrays = ", ".join(f"%s::{each}[]" for each in types)
    columns = ", ".join(f"p{number}" for number in range(len(types)))
    return (
        f"UPDATE {name} SET {', '.join([*assignments, f'{stamp} = {new_stamp}'])} "
        f"FROM unnest({arrays}) AS waiting({columns}) WHERE {name}.{pk} = {key} AND {reached} < {new_stamp}"
    )


def _assignment(connection: Any, field: Any, table: str, reached: str, shape: Shape, name: str, parameters: Any) -> str:
    column = connection.ops.quote_name(str(field.column))
    if shape.at_once:
        return f"{column} = {next(parameters)}"
    here = f"{table}.{column}"
    cases = f"WHEN {reached} < {next(parameters)} THEN {next(parameters)}"
    for _ in range(shape.most.get(name, 0)):
        at, delta = next(parameters), next(parameters)
        cases += f" WHEN {reached} < {at} THEN {added(connection, field, here).replace('%s', delta)}"
    return f"{column} = CASE {cases} ELSE {here} END"
