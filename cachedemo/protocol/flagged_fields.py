"""Which of the fields that wait for a row the database refuses: they are tried, and nothing is written.

What a synchronous write carries for others may be refused, although its own values are fine. Then it is flagged in the
queue, and the write goes on without it.
"""

from collections.abc import Iterable

from django.db import Error, transaction

from cachedemo.protocol import answering, database, database_errors, refused_increments, stamps, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.deferred_constraints import check_now
from cachedemo.protocol.error_descriptions import describe
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.probe import accepts_update, telling_rows_from_statements
from cachedemo.protocol.waiting_fields import Fields

_NEWEST = stamps.END - 1  # tried as if it was newer than any row


def flag_refused(write: DatabaseWrite, carried: Fields, error: BaseException) -> bool:
    """Flag what a write carried, if that is what the database has refused it for; return whether it is.

    Args:
        carried: what waited, and was sent with the write's own fields.
        error: what the write ended with.
    """
    if not carried or database_errors.judge(error) is not Verdict.ROW:
        return False
    at_commit = not transactions.in_transaction(write.table.using)
    return flag_refused_alone(write.table, write.pk, carried, at_commit=at_commit) != carried


def flag_refused_alone(table: CachedTable, pk: object, fields: Fields, *, at_commit: bool) -> Fields:
    """Flag those of a row's waiting fields that the database refuses, if any; return the others.

    Args:
        at_commit: whether to ask for what it refuses at COMMIT only, too. See `deferred_constraints.check_now`.
    """
    if (refusal := _refusal(table, pk, fields, at_commit)) is None:
        return fields
    refused = those_refused(table, pk, fields, at_commit=at_commit)
    refused_increments.flag(table, pk, fields, refused, describe(refusal))
    return {name: field for name, field in fields.items() if name not in refused}


def those_refused(table: CachedTable, pk: object, fields: Fields, *, at_commit: bool) -> Iterable[str]:
    """Return which of these fields, which are refused together, are refused alone; all of them if none is."""
    if len(fields) == 1:
        return list(fields)
    return [name for name, field in fields.items() if _refusal(table, pk, {name: field}, at_commit)] or list(fields)


def _refusal(table: CachedTable, pk: object, fields: Fields, at_commit: bool) -> BaseException | None:
    """Return what the database refuses these fields with; None if it takes them."""
    try:
        again_if_overtaken(table, table.using, lambda: _try(table, pk, fields, at_commit))
    except (*database_errors.UNPREPARABLE, Error) as error:
        if database_errors.judge(error) is Verdict.ROW:
            return error
        raise
    return None


def _try(table: CachedTable, pk: object, fields: Fields, at_commit: bool) -> None:
    """Write these fields and take it back. Raises whatever the database refuses them with."""
    newest = {name: (_NEWEST, value) for name, (_, value) in fields.items()}  # increments have stamps of their own
    with telling_rows_from_statements(table, accepts_update), answering.answering(), transaction.atomic(table.using):
        if database.apply(table, pk, newest, _NEWEST) is not None and at_commit:
            check_now(table, [pk])
        transaction.set_rollback(True, table.using)
