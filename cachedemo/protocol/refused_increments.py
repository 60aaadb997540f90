"""Increments that the database refuses: they become the value that they would have made of the row, a refused one.

A refused value lies over any row, and means the same over each. An increment would not: whether a row has it already
depends on who has written it since. Nobody may commit in between who has not seen the increments, or that would be lost
under the value. So first all that is older is written, at the stamp just below the first of them.
"""

from collections.abc import Iterable

from django.db import Error

from cachedemo.exceptions import Contended
from cachedemo.protocol import database, database_errors, events, transactions, wake
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.increments import Changes
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.probe import accepts_update, telling_rows_from_statements
from cachedemo.protocol.waiting_fields import Fields


def among(fields: Fields, names: Iterable[str]) -> list[str]:
    """Return which of these fields have increments waiting, the oldest first."""
    found = [name for name in names if type(fields[name][1]) is Changes]
    return sorted(found, key=lambda name: fields[name][1][0].first)


def flag(table: CachedTable, pk: object, fields: Fields, names: Iterable[str], error: str) -> None:
    """Flag those of a row's waiting fields that the database has refused.

    Args:
        fields: all that a flush or a writer was handed.
        names: of those that are refused.

    Raises:
        Contended: increments are, and a transaction is under way, so that what is older could be rolled back.
        SourceUnavailable: the database gives no answer.
    """
    names = set(names)
    increments = among(fields, names)
    if plain := {name: fields[name] for name in names.difference(increments)}:
        table.queue.refuse(pk, plain, error)
    if increments and transactions.may_be_rolled_back(table.using):
        wake.wake(table.queue.name)
        raise Contended(
            f"The database refuses increments of {', '.join(increments)} that wait for {table.slots.key(pk)}; nothing "
            f"was written. Try again once a flush has made a dead letter of them."
        )
    others = {name: field for name, field in fields.items() if name not in names}
    for name in increments:
        others = _flag_increments(table, pk, name, fields[name][1], others, error)
    events.dead_letter(table, pk, names, error)


def _flag_increments(table: CachedTable, pk: object, name: str, changes: Changes, others: Fields, error: str) -> Fields:
    """Flag the value that the oldest of these would have made of the row; return the fields that are not refused."""
    if (left := _left(table, pk, changes)) and left[0].adds and not _write_older(table, pk, others, left[0].first):
        table.queue.refuse(pk, others, error)  # refused together, though none of them is alone
        others = {}
        _write_older(table, pk, others, left[0].first)
    row = database.select(table, pk)
    if row is not None and left and _without(changes, row[0]) == left:
        oldest = left[0]  # the others stand behind it: a writer may be under way who has seen it and not them
        value = Changes([oldest]).over(row[1][name], row[0])
        entries = changes.only(lambda change: change.last <= oldest.last)
        table.queue.refuse(pk, {name: (oldest.last, value)}, error, {name: entries})
    return others


def _left(table: CachedTable, pk: object, changes: Changes) -> Changes:
    """Return those that the row does not have; none if there is no row."""
    row = database.select(table, pk)
    return Changes() if row is None else _without(changes, row[0])


def _without(changes: Changes, reached: int) -> Changes:
    return changes.only(lambda change: change.last > reached)


def _write_older(table: CachedTable, pk: object, fields: Fields, first: int) -> bool:
    """Write what is older than this stamp, so that no older writer commits any more; return whether it was taken."""
    older = {name: field for name, field in fields.items() if type(field[1]) is not Changes and field[0] < first}
    for name in among(fields, fields):
        if part := fields[name][1].only(lambda change: change.last < first):
            older[name] = part.waiting()
    try:
        again_if_overtaken(table, table.using, lambda: _write(table, pk, older, first - 1))
    except (*database_errors.UNPREPARABLE, Error) as refusal:
        if not older or database_errors.judge(refusal) is not Verdict.ROW:
            raise
        return False
    return True


def _write(table: CachedTable, pk: object, fields: Fields, stamp: int) -> None:
    with telling_rows_from_statements(table, accepts_update), transactions.writing(table.using):
        database.apply(table, pk, fields, stamp)
