"""The database: the SQL statements of the protocol, and what the database's errors mean."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseFailure
from django.db import connections, transaction

from cachedemo import conf
from cachedemo.exceptions import (
    CachedemoError,
    InsideTransaction,
    OutcomeUnknown,
    SourceUnavailable,
    StatementRefused,
    Unavailable,
)
from cachedemo.protocol import locks, refusals, stamps
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.descriptions import describe
from cachedemo.protocol.refusals import Verdict
from cachedemo.protocol.waiting import Fields

# What a caller takes for "nothing was written", whoever raises it.
_REFUSED = (*refusals.UNPREPARABLE, CachedemoError, DatabaseFailure, ObjectDoesNotExist)

_UNAVAILABLE = (SourceUnavailable, "The database is unavailable")
_MEANINGS: dict[Verdict, tuple[type[Unavailable], str]] = {
    Verdict.AGAIN: _UNAVAILABLE,
    Verdict.ONE_ROW_MAYBE: _UNAVAILABLE,
    Verdict.STATEMENT_OR_ROW: (StatementRefused, "The database refuses the statement itself"),
    Verdict.UNKNOWN: (OutcomeUnknown, "The database may have the write or not"),
}

Row = tuple[int, Values]  # the stamp of the last write that reached it, and its values as JSON values


def _meaning(error: DatabaseFailure) -> Unavailable | None:
    """Return what to raise in the place of what the database says; None where it speaks of a row."""
    if isinstance(error, CachedemoError):  # StaleInstance is an error of the database too
        return None
    meaning = _MEANINGS.get(refusals.judge(error))
    return meaning[0](f"{meaning[1]}: {describe(error)}") if meaning else None


def trip(using: str) -> None:
    """Wait as long as the simulated way to the database takes: once a statement on its own, once a transaction.

    Before the lock is taken, as on a network, and not at all inside a transaction that has paid already.
    """
    latency = conf.get("SOURCE_LATENCY_MS")
    if latency and not connections[using].in_atomic_block:
        time.sleep(latency / 1000)


def in_transaction(using: str) -> bool:
    """Return whether a read now would see the snapshot of a transaction under way."""
    return connections[using].in_atomic_block


def refuse_inside_transaction(using: str) -> None:
    """Raise InsideTransaction where a write could not be acknowledged: the transaction around it decides later.

    Django's TestCase has one around each test, which counts as none, as it does for Django's own durable blocks.
    """
    blocks = connections[using].atomic_blocks
    if blocks and not blocks[-1]._from_testcase:  # type: ignore[attr-defined]
        raise InsideTransaction(
            "A write through cachedemo is acknowledged once it is durable, so it cannot be inside "
            "transaction.atomic(): call it after the commit, with transaction.on_commit(), or use save() and delete(), "
            "which wait for it."
        )


def has_written_nothing(error: BaseException, using: str) -> bool:
    """Whether a statement that ended so has certainly left nothing behind: refused, or to be rolled back."""
    if connections[using].in_atomic_block or isinstance(error, CachedemoError):
        return True
    return isinstance(error, (*refusals.UNPREPARABLE, DatabaseFailure)) and refusals.refuses(error)


@contextmanager
def answering() -> Iterator[None]:
    """Let what the database says of a row pass as it is.

    Raises:
        SourceUnavailable: the database gives no answer about the data.
        StatementRefused: it says no, and not by a code that blames the row; a probe may find that it is the row.
        OutcomeUnknown: it says itself that it does not know.
    """
    try:
        yield
    except DatabaseFailure as error:
        raised = _meaning(error)
        if raised is None:
            raise
        raise raised from error


class Outcome:
    """What is certain of a transaction of our own.

    Attributes:
        nothing_written: it has not begun, or was rolled back, or the database refused its COMMIT.
        committed: the database has it.
    """

    def __init__(self) -> None:
        self.nothing_written = True
        self.committed = False

    def commit(self) -> None:
        self.committed = True

    def ended_with(self, error: BaseException, inside: BaseException | None) -> None:
        """Note that the transaction ended with `error`, after `inside` was raised in it; None if it came to COMMIT.

        Another error than the one inside, and none of the database's, has interrupted the rollback: who knows where.
        """
        if inside is not None:
            self.nothing_written = error is inside or isinstance(error, DatabaseFailure | SourceUnavailable)
        elif isinstance(error, DatabaseFailure) and not self.committed:
            self.nothing_written = refusals.refuses(error)  # by its answer to COMMIT
        elif isinstance(error, StatementRefused):
            self.nothing_written = True


@contextmanager
def writing(using: str) -> Iterator[Outcome]:
    """Run a durable transaction of its own, and tell what is certain of it.

    An exception out of nowhere (KeyboardInterrupt, Celery's SoftTimeLimitExceeded) passes as it is, at any point.

    Raises:
        SourceUnavailable: the database gave no answer; nothing was written.
        OutcomeUnknown: the answer to COMMIT was lost, so it may have been written; or what was to follow it failed.
    """
    trip(using)
    outcome, inside = Outcome(), None
    try:
        with answering(), transaction.atomic(using, durable=True):
            transaction.on_commit(outcome.commit, using)
            outcome.nothing_written = False
            try:
                yield outcome
            except BaseException as error:
                inside = error
                raise
    except BaseException as error:
        if not outcome.nothing_written:
            outcome.ended_with(error, inside)
        if outcome.nothing_written or isinstance(error, OutcomeUnknown) or not isinstance(error, _REFUSED):
            raise
        known = "has the write, but what follows it failed" if outcome.committed else "may have the write or not"
        raise OutcomeUnknown(f"The database {known}: {describe(error)}") from error


def select(table: CachedTable, pk: Any) -> Row | None:
    """Return one row, read from where writes go."""
    trip(table.using)
    return _first(table, table.rows.filter(pk=pk))


def select_many(table: CachedTable, pks: Sequence[Any]) -> dict[Any, Row]:
    """Return the rows that exist: pk -> row."""
    trip(table.using)
    with answering():
        return {row[0]: _row(table, row) for row in table.rows.filter(pk__in=pks).values_list(*_names(table))}


def lock(table: CachedTable, pk: Any) -> Row | None:
    """Return one row and keep others from writing it until the transaction ends."""
    return _first(table, table.rows.select_for_update().filter(pk=pk))


def stamp_of(table: CachedTable, pk: Any) -> int | None:
    """Return the stamp of the last write that reached a row, None if there is no row."""
    stamp = table.rows.filter(pk=pk).values_list(STAMP, flat=True).first()
    return None if stamp is None else stamps.proper(stamp)


def improper_stamps(table: CachedTable) -> int:
    """Return how many rows have a stamp that no queue can have handed out; looks at every row."""
    with answering():
        return table.rows.filter(stamps.improper()).count()


def apply(table: CachedTable, pk: Any, fields: Fields, stamp: int) -> Row | None:
    """Write the fields that are newer than the row, in the transaction under way; return the whole row.

    Returns None and writes nothing if the row has a stamp of `stamp` or above, or does not exist.
    """
    connection = connections[table.using]
    statement = update_statement(table)
    parameters = _parameters(table, connection, pk, fields, stamp)
    if connection.vendor in ("sqlite", "postgresql"):
        columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in _fields(table))
        rows = list(table.rows.raw(f"{statement} RETURNING {columns}", parameters))
        return _row(table, [rows[0].__dict__[name] for name in _names(table)]) if rows else None
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return _first(table, table.rows.filter(pk=pk)) if cursor.rowcount else None


def apply_many(table: CachedTable, batch: Iterable[tuple[Any, Fields, int]]) -> None:
    """Do what `apply` does for many rows, (pk, fields, stamp) each, in one transaction and one round trip."""
    connection = connections[table.using]
    parameters = [_parameters(table, connection, pk, fields, stamp) for pk, fields, stamp in batch]
    with writing(table.using), connection.cursor() as cursor, locks.waited_for_briefly(connection):
        cursor.executemany(update_statement(table), parameters)


def apply_unlocked(table: CachedTable, batch: Iterable[tuple[Any, Fields, int]]) -> set[Any]:
    """Do the same for the rows that nobody else has locked; return the keys of the others.

    Writes nothing where no row is locked: then something else has taken too long.
    """
    by_pk = {table.codec.to_pk(pk): (pk, fields, stamp) for pk, fields, stamp in batch}
    connection = connections[table.using]
    with writing(table.using), connection.cursor() as cursor:
        locked = locks.locked_rows(table, list(by_pk))
        free = [each for pk, each in by_pk.items() if pk not in locked]
        if locked and free:
            parameters = [_parameters(table, connection, *each) for each in free]
            with locks.waited_for_briefly(connection):  # a trigger may need what others have locked
                cursor.executemany(update_statement(table), parameters)
    return {by_pk[pk][0] for pk in locked}


def reconnect(using: str) -> None:
    """Let the next statement have a new connection: the old one may be lost, or lead to a server that is read-only."""
    if not connections[using].in_atomic_block:
        connections[using].close()


def update_statement(table: CachedTable) -> str:
    """The one UPDATE of the protocol. The stamp comes last: MySQL sets columns from left to right."""
    quote = connections[table.using].ops.quote_name
    pk, stamp, *columns = (quote(str(field.column)) for field in _fields(table))
    reached = f"CASE WHEN {stamp} BETWEEN 0 AND {stamps.END - 1} THEN {stamp} ELSE 0 END"
    assignments = [f"{column} = CASE WHEN {reached} < %s THEN %s ELSE {column} END" for column in columns]
    name = quote(table.model._meta.db_table)
    return f"UPDATE {name} SET {', '.join(assignments)}, {stamp} = %s WHERE {pk} = %s AND {reached} < %s"


def _parameters(table: CachedTable, connection: Any, pk: Any, fields: Fields, stamp: int) -> list[Any]:
    """A field that is not named has stamp 0, and no row is older than that."""
    parameters: list[Any] = []
    for name, field in table.codec.fields.items():
        if (waiting := fields.get(name)) is None:
            parameters += (0, None)
        else:
            parameters += (waiting[0], _prepared(field, table.codec.parse, name, waiting[1], connection))
    return [*parameters, stamp, table.codec.pk.get_db_prep_save(table.codec.to_pk(pk), connection), stamp]


def _prepared(field: Any, parse: Callable[[str, Any], Any], name: str, value: Any, connection: Any) -> Any:
    """Return a value as the driver takes it. Raises one of UNPREPARABLE, whatever a project's own field raises."""
    try:
        return field.get_db_prep_save(parse(name, value), connection)
    except (*refusals.UNPREPARABLE, DatabaseFailure):
        raise
    except Exception as error:
        raise ValueError(f"{name} cannot be prepared for the database.") from error


def _fields(table: CachedTable) -> list[Any]:
    meta = table.model._meta
    return [meta.pk, meta.get_field(STAMP), *table.codec.fields.values()]


def _names(table: CachedTable) -> list[str]:
    return [field.attname for field in _fields(table)]


def _first(table: CachedTable, rows: Any) -> Row | None:
    with answering():
        row = rows.values_list(*_names(table)).first()
    return None if row is None else _row(table, row)


def _row(table: CachedTable, row: Sequence[Any]) -> Row:
    pk, stamp, *values = row
    return stamps.proper(stamp), table.codec.values(dict(zip(table.codec.names, [pk, *values], strict=True)))
