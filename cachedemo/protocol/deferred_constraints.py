"""What the database would refuse at COMMIT only, asked for before: deferred constraints and triggers, foreign keys."""

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, connections

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.database_errors import blame_the_row


def check_now(table: CachedTable, pks: Collection[Any]) -> None:
    """Let the database check now what this transaction has written of these rows.

    Only for a transaction of our own: what somebody else has left unfinished in theirs would be refused too.

    Raises:
        IntegrityError: it refuses one of them.
    """
    connection = connections[table.using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    elif connection.vendor == "sqlite":
        _check_foreign_keys(connection, table, pks)


def _check_foreign_keys(connection: Any, table: CachedTable, pks: Collection[Any]) -> None:
    """SQLite has no other constraints that are deferred, and looks at the whole table."""
    quote, name = connection.ops.quote_name, table.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA foreign_key_check({quote(name)})")
        dangling = {rowid for _, rowid, _, _ in cursor.fetchall()}
    if not dangling:
        return
    rows = table.rows.filter(pk__in=pks).extra(select={"cachedemo_rowid": f"{quote(name)}.rowid"})
    if dangling.intersection(rows.values_list("cachedemo_rowid", flat=True)):
        raise blame_the_row(IntegrityError("FOREIGN KEY constraint failed"))
