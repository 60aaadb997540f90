"""Transactions of our own, what is certain of each once it has ended, and those of others around us."""

import threading
import time
from asyncio import _get_running_loop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error as DatabaseFailure
from django.db import connections, transaction

from cachedemo import conf
from cachedemo.exceptions import (
    CachedemoError,
    InsideTransaction,
    OutcomeUnknown,
    Overtaken,
    SourceUnavailable,
    StatementRefused,
)
from cachedemo.protocol import database_errors
from cachedemo.protocol.answering import answering
from cachedemo.protocol.error_descriptions import describe
from cachedemo.protocol.outcomes import REFUSED


def trip(using: str) -> None:
    """Wait as long as the simulated way to the database takes: once a statement on its own, once a transaction.

    Before the lock is taken, as on a network, and not at all inside a transaction that has paid already.
    """
    latency = conf.get_valid("SOURCE_LATENCY_MS")
    if latency and not connections[using].in_atomic_block:
        time.sleep(latency / 1000)


# Where asgiref keeps the connections of each thread; asked past it, since it asks for an event loop by an exception.
_of_thread = getattr(connections._connections, "_storage", None)  # type: ignore[attr-defined]
_can_be_asked = isinstance(_of_thread, threading.local)


def _connection(using: str) -> Any:
    """Return `connections[using]`: a hit asks for nothing else of Django."""
    if _can_be_asked and _get_running_loop() is None and (connection := getattr(_of_thread, using, None)) is not None:
        return connection
    return connections[using]


def in_transaction(using: str) -> bool:
    """Return whether a read now would see the snapshot of a transaction under way; autocommit off counts as one."""
    connection = _connection(using)
    return connection.in_atomic_block or not _has_autocommit(connection)


def is_of_testcase(using: str) -> bool:
    """Return whether the transaction under way is only that which Django's TestCase puts around each test.

    It counts as none, as it does for Django's own durable blocks: code that is tested there runs outside of one.
    """
    blocks = connections[using].atomic_blocks
    return bool(blocks) and bool(blocks[-1]._from_testcase)  # type: ignore[attr-defined]


def sees_a_snapshot(using: str) -> bool:
    """Return whether what is read now must not be filled: it may be rolled back, or be older than others' writes."""
    return in_transaction(using) and not is_of_testcase(using)


def after_commit(using: str, call: Callable[[], object]) -> None:
    """Call it after the COMMIT of the transaction under way; now if none is. Raises TransactionManagementError."""
    if is_of_testcase(using):
        call()
    else:
        transaction.on_commit(call, using)


def _has_autocommit(connection: Any) -> bool:
    """Say it without opening a connection: a hit needs none."""
    return bool(connection.settings_dict["AUTOCOMMIT"] if connection.connection is None else connection.autocommit)


def refuse_manual_transactions(using: str) -> None:
    """Raise TransactionManagementError where nobody can tell when a write is committed, as `on_commit()` does."""
    connection: Any = connections[using]
    commits = connection.commit_on_exit if connection.in_atomic_block else _has_autocommit(connection)
    if not commits:
        raise transaction.TransactionManagementError(
            "A registered model cannot be written in manual transaction management (autocommit is off): nobody could "
            "tell when the write is committed. Use transaction.atomic()."
        )


def may_be_rolled_back(using: str) -> bool:
    """Whether somebody else's transaction is under way; the one that Django's TestCase has around a test is none."""
    return bool(connections[using].atomic_blocks) and not is_of_testcase(using)


def refuse_inside_transaction(using: str) -> None:
    """Raise InsideTransaction where a write could not be acknowledged: the transaction around it decides later."""
    if may_be_rolled_back(using):
        raise InsideTransaction(
            "A write through cachedemo is acknowledged once it is durable, so it cannot be inside "
            "transaction.atomic(): call it after the commit, with transaction.on_commit(), or use save() and delete(), "
            "which wait for it."
        )


def has_written_nothing(error: BaseException, using: str) -> bool:
    """Whether a statement that ended so has certainly left nothing behind: refused, or to be rolled back."""
    if connections[using].in_atomic_block or isinstance(error, CachedemoError):
        return True
    return isinstance(error, (*database_errors.UNPREPARABLE, DatabaseFailure)) and database_errors.refuses(error)


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
            self.nothing_written = database_errors.refuses(error)  # by its answer to COMMIT
        elif isinstance(error, StatementRefused | Overtaken):
            self.nothing_written = True


@contextmanager
def writing(using: str) -> Iterator[Outcome]:
    """Run a durable transaction of its own, and tell what is certain of it.

    An exception out of nowhere (KeyboardInterrupt, Celery's SoftTimeLimitExceeded) passes as it is, at any point.

    Raises:
        TransactionManagementError: autocommit is off, so that it would not be durable; nothing was written.
        SourceUnavailable: the database gave no answer; nothing was written.
        OutcomeUnknown: the answer to COMMIT was lost, so it may have been written; or what was to follow it failed.
    """
    refuse_manual_transactions(using)
    trip(using)
    outcome, inside = Outcome(), None
    commits = not is_of_testcase(using)  # else the hook would be one of those that a test captures
    try:
        with answering(), transaction.atomic(using, durable=True):
            if commits:
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
        if outcome.nothing_written or isinstance(error, OutcomeUnknown) or not isinstance(error, REFUSED):
            raise
        known = "has the write, but what follows it failed" if outcome.committed else "may have the write or not"
        raise OutcomeUnknown(f"The database {known}: {describe(error)}") from error
