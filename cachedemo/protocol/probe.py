"""The probe: where an error does not say whether it means the row or the statement, the statement is tried without any.

It fails: the statement is wrong, for every row. It passes: it was the row. Nothing is written either way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from cachedemo.exceptions import StatementRefused
from cachedemo.protocol import answering, database_errors
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.update_statement import update_statement


def accepts_update(table: CachedTable) -> bool:
    """Whether the database takes the UPDATE that a flush sends. Raises SourceUnavailable if it gives no answer."""
    unnamed = [0, None] * len(table.codec.written)
    no_row = None  # has this key: none has NULL
    return _accepts(table, update_statement(table), [*unnamed, -1, no_row, -1])


def accepts_insert(table: CachedTable) -> bool:
    """Whether it takes an INSERT of all columns."""
    quote = connections[table.using].ops.quote_name
    fields = [field for field in table.model._meta.local_concrete_fields if not getattr(field, "generated", False)]
    name, columns = quote(table.model._meta.db_table), ", ".join(quote(str(field.column)) for field in fields)
    return _accepts(table, f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name} WHERE 1 = 0", [])


def accepts_deletion(table: CachedTable) -> bool:
    """Whether it takes a DELETE."""
    name = connections[table.using].ops.quote_name(table.model._meta.db_table)
    return _accepts(table, f"DELETE FROM {name} WHERE 1 = 0", [])


def _accepts(table: CachedTable, statement: str, parameters: Sequence[Any]) -> bool:
    try:
        with answering.answering(), transaction.atomic(table.using), connections[table.using].cursor() as cursor:
            cursor.execute(statement, parameters)
            transaction.set_rollback(True, table.using)
    except StatementRefused:
        return False
    return True


@contextmanager
def telling_rows_from_statements(table: CachedTable, accepts: Callable[[CachedTable], bool]) -> Iterator[None]:
    """Raise Django's own error where the database has refused the row, and StatementRefused only where it is that.

    Args:
        accepts: the probe for what is done inside.
    """
    try:
        yield
        return
    except StatementRefused as error:
        refused = error
    if refused.__cause__ is not None and accepts(table):
        raise database_errors.blame_the_row(refused.__cause__)
    raise refused
