"""Collations that hold two texts to be one: then one key would have two slots, or one value two hints.

Both are refused.
"""

import re
from typing import Any

from django.db import connections

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.primary_keys import PrimaryKeys

_OF_SQLITE = ("NOCASE", "RTRIM")
_EXACT_IN_MYSQL = re.compile(r"binary|.*_0900_bin|.*_nopad_bin")  # any other `_bin` ignores spaces at the end
_LOOSE_TYPES = ("citext", "bpchar")  # of PostgreSQL: they ignore case, and spaces at the end
_LOOSE_TYPE_OF_POSTGRESQL = re.compile(r"citext|bpchar(\(\d+\))?|char(acter)?(\s*\(\d+\))?", re.IGNORECASE)
_COLLATION = re.compile(r"\bCOLLATE\s+[\"'`]?(\w+)", re.IGNORECASE)  # in the type of a project's own field
_DECLARED_IN_SQLITE = r"[\"`\[]?{}[\"`\]]?[^,]*?\bCOLLATE\s+[\"'`]?(\w+)"
_IN_POSTGRESQL = """
    SELECT t.typname, c.collname, coalesce(c.collisdeterministic, true)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass(%s) AND a.attname = %s"""
_IN_MYSQL = """
    SELECT collation_name FROM information_schema.columns
    WHERE table_schema = database() AND table_name = %s AND column_name = %s"""


def loose_by_declaration(table: CachedTable, keys: PrimaryKeys) -> str | None:
    """Return the collation or type that a key or a unique field is declared with, if its name says that it is loose."""
    connection = connections[table.using]
    if not keys.are_texts:
        return None
    kind = keys.column.db_type(connection) or ""
    if connection.vendor == "postgresql" and _LOOSE_TYPE_OF_POSTGRESQL.fullmatch(kind):
        return str(kind)
    named = _COLLATION.search(kind)
    declared = getattr(keys.column, "db_collation", None) or (named and named[1])
    return declared if declared and _is_loose(connection.vendor, declared) else None


def loose_in_database(table: CachedTable, keys: PrimaryKeys) -> str | None:
    """Return the loose collation or type that its column really has; None if it is exact, or not there yet."""
    find = _FINDERS.get(connections[table.using].vendor)
    return find(table, keys.field) if find is not None and keys.are_texts else None


def _is_loose(vendor: str, collation: str) -> bool:
    if vendor == "sqlite":
        return collation.upper() in _OF_SQLITE
    if vendor == "mysql":
        return not _EXACT_IN_MYSQL.fullmatch(collation)
    return vendor == "oracle" and collation.upper().endswith(("_CI", "_AI"))


def _asked(table: CachedTable, statement: str, parameters: Any = ()) -> list[Any]:
    with connections[table.using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _in_sqlite(table: CachedTable, field: Any) -> str | None:
    """The index of a key or of a unique column has its collation; without one, the table's declaration says it."""
    quote = connections[table.using].ops.quote_name
    name, column = table.model._meta.db_table, str(field.column)
    found = [
        str(collation)
        for _, index, is_unique, *_ in _asked(table, f"PRAGMA index_list({quote(name)})")
        for place, _, of, _, collation, _ in _asked(table, f"PRAGMA index_xinfo({quote(index)})")
        if is_unique and place == 0 and of == column
    ]
    if not found:
        for (declaration,) in _asked(table, "SELECT sql FROM sqlite_master WHERE name = %s", [name]):
            found = re.findall(_DECLARED_IN_SQLITE.format(re.escape(column)), declaration or "", re.IGNORECASE)[:1]
    return next((collation for collation in found if _is_loose("sqlite", collation)), None)


def _in_postgresql(table: CachedTable, field: Any) -> str | None:
    quoted = connections[table.using].ops.quote_name(table.model._meta.db_table)
    for kind, collation, is_deterministic in _asked(table, _IN_POSTGRESQL, [quoted, field.column]):
        if kind in _LOOSE_TYPES or not is_deterministic:
            return kind if kind in _LOOSE_TYPES else str(collation)
    return None


def _in_mysql(table: CachedTable, field: Any) -> str | None:
    rows = _asked(table, _IN_MYSQL, [table.model._meta.db_table, field.column])
    return next((collation for (collation,) in rows if collation and _is_loose("mysql", collation)), None)


_FINDERS = {"sqlite": _in_sqlite, "postgresql": _in_postgresql, "mysql": _in_mysql}
