"""The one UPDATE of the protocol: each field by its own stamp, and only rows that are older."""

from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connections

from cachedemo.protocol import database_errors, stamps
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.waiting import Fields


def update_statement(table: CachedTable) -> str:
    """Return it. The stamp comes last: MySQL sets columns from left to right."""
    quote = connections[table.using].ops.quote_name
    pk, stamp = (quote(str(field.column)) for field in columns_of(table)[:2])
    columns = [quote(str(field.column)) for field in table.codec.written.values()]
    reached = f"CASE WHEN {stamp} BETWEEN 0 AND {stamps.END - 1} THEN {stamp} ELSE 0 END"
    assignments = [f"{column} = CASE WHEN {reached} < %s THEN %s ELSE {column} END" for column in columns]
    name = quote(table.model._meta.db_table)
    return f"UPDATE {name} SET {', '.join(assignments)}, {stamp} = %s WHERE {pk} = %s AND {reached} < %s"


def shown_condition(table: CachedTable) -> tuple[str, list[Any]]:
    """Return what keeps it to the rows that the registration's manager shows, with its parameters."""
    if table.row_filter is None:
        return "", []
    return table.row_filter.sql(table.rows.query.get_compiler(table.using))


def parameters_of(table: CachedTable, connection: Any, pk: Any, fields: Fields, stamp: int) -> list[Any]:
    """A field that is not named has stamp 0, and no row is older than that."""
    parameters: list[Any] = []
    for name, field in table.codec.written.items():
        if (waiting := fields.get(name)) is None:
            parameters += (0, None)
        else:
            parameters += (waiting[0], _prepared(field, table.codec.parse, name, waiting[1], connection))
    return [*parameters, stamp, table.codec.pk.get_db_prep_save(table.codec.to_pk(pk), connection), stamp]


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
