"""What an error of the database means: is the row to blame, or the statement, or nobody; and how it is told.

By SQLSTATE on PostgreSQL, by result code on SQLite, by error number on MySQL. What these leave open, a probe decides.
"""

from enum import Enum, auto
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, Error, IntegrityError, InternalError, OperationalError
from django.db.transaction import TransactionManagementError

from cachedemo.exceptions import CachedemoError


class Verdict(Enum):
    """Who is to blame for an error, and so what to do."""

    ROW = auto()  # this row is refused, and will be again
    AGAIN = auto()  # the database is busy or away: again, on a new connection
    ONE_ROW_MAYBE = auto()  # somebody holds a lock, or a statement took too long; other rows may go through
    OVERTAKEN = auto()  # another transaction came first, and this one was rolled back: it begins anew
    UNKNOWN = auto()  # it may have been written
    STATEMENT_OR_ROW = auto()  # a probe decides


# What preparing a value for the database raises.
UNPREPARABLE = (ValidationError, ValueError, TypeError, ArithmeticError)

_BLAMED = "_cachedemo_row_refused"  # in the __dict__ of an error: a probe has found that it is the row

_ROW, _AGAIN, _MAYBE, _OVERTAKEN, _UNKNOWN, _ = Verdict

# PostgreSQL: the whole SQLSTATE before its class, which is the first two characters.
_SQLSTATES = {
    **dict.fromkeys(("22", "23", "44", "P0", "54000", "40002"), _ROW),
    **dict.fromkeys(("08", "25", "26", "28", "3D", "40", "53", "57", "58"), _AGAIN),
    **dict.fromkeys(("55P03", "57014", "53200", "40P01"), _MAYBE),
    **dict.fromkeys(("40003", "08007"), _UNKNOWN),
    "40001": _OVERTAKEN,
}
_FAILED_TRANSACTION = "25P02"  # one of its statements has failed, and it has not been rolled back since
_FEATURE_NOT_SUPPORTED = "0A000"  # a statement prepared before the table changed, among others

# What psycopg may raise for a batch in the place of the error of the one statement that failed.
_ABORTED = "PipelineAborted"

# SQLite: CONSTRAINT, MISMATCH and TOOBIG; then BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL,
# CANTOPEN, PROTOCOL, SCHEMA, PERM and NOTADB.
_SQLITE = {
    **dict.fromkeys((19, 20, 18), _ROW),
    **dict.fromkeys((5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 3, 26), _AGAIN),
}

# MySQL: SIGNAL, a CHECK constraint; a lock, a deadlock, an interrupted query, one over MySQL's or MariaDB's time limit;
# no connection, or none for us, no memory, no space, read-only, shutting down; a connection that was killed, or idle
# for too long, a node of Galera that is not ready; a row that has changed since the transaction's snapshot.
_MYSQL = {
    **dict.fromkeys((1644, 3819, 4025), _ROW),
    **dict.fromkeys((1205, 1213, 1317, 1969, 3024, 3572), _MAYBE),
    **dict.fromkeys((2002, 2003, 2006, 2013, 2055, 1040, 1044, 1045, 1049, 1203, 1226), _AGAIN),
    **dict.fromkeys((1021, 1037, 1038, 1041, 1053, 1114, 1206, 1290, 1792, 1836), _AGAIN),
    **dict.fromkeys((1047, 1129, 1927, 4031), _AGAIN),
    1020: _OVERTAKEN,
    2020: Verdict.STATEMENT_OR_ROW,  # this row is larger than what may be sent
}


def judge(error: BaseException) -> Verdict:
    """Return what an error means that was raised while a row was prepared or written."""
    if isinstance(error, UNPREPARABLE) or getattr(error, _BLAMED, False):
        return Verdict.ROW
    if not isinstance(error, Error):
        return Verdict.STATEMENT_OR_ROW
    cause = error.__cause__ or error
    if type(cause).__name__ == _ABORTED:
        return Verdict.STATEMENT_OR_ROW
    if state := sqlstate(cause):
        return _by_sqlstate(state, cause)
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(code & 0xFF, Verdict.STATEMENT_OR_ROW)
    if (number := mysql_number(cause)) is None:
        return _by_class(error)
    return _MYSQL.get(number, Verdict.AGAIN if _is_of_the_client(number) else _refused_by_class(error))


def said(error: BaseException) -> BaseException:
    """Return what Django raised, of which we may have made an error of our own."""
    while isinstance(error, CachedemoError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def is_for_who_began_it(error: BaseException) -> bool:
    """Whether the transaction under way takes no statement any more, as Django or PostgreSQL says after a failed one.

    That tells nothing of the data, nor whether the database is available.
    """
    return isinstance(error, TransactionManagementError) or sqlstate(error.__cause__ or error) == _FAILED_TRANSACTION


def is_held_up(error: BaseException) -> bool:
    """Whether one row may be what the others wait for."""
    return judge(said(error)) is Verdict.ONE_ROW_MAYBE


def sqlstate(cause: BaseException) -> str | None:
    """Return the SQLSTATE that PostgreSQL sent, as psycopg 3 or psycopg2 has it; None if it sent none.

    PyMySQL has one too, and it says less than MySQL's number: HY000 for a lock as for nearly everything.
    """
    if mysql_number(cause) is not None:
        return None
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def refuses(error: BaseException) -> bool:
    """Whether the database has said no to a row, a statement or a transaction: nothing was written, for certain."""
    return judge(error) in (Verdict.ROW, Verdict.STATEMENT_OR_ROW, Verdict.OVERTAKEN)


def blame_the_row(error: BaseException) -> BaseException:
    """Remember with an error that a probe has found the row to blame; return the error."""
    error.__dict__[_BLAMED] = True
    return error


def mysql_number(cause: BaseException) -> Any:
    """Return MySQL's error number, None for other databases."""
    number = cause.args[0] if cause.args else None
    return number if isinstance(number, int) else None


def _by_sqlstate(state: str, cause: BaseException) -> Verdict:
    if state == _FEATURE_NOT_SUPPORTED:
        function = getattr(getattr(cause, "diag", None), "source_function", None)  # the text may be in any language
        old_plan = "cached plan" in str(cause) or function == "RevalidateCachedQuery"
        return Verdict.AGAIN if old_plan else Verdict.STATEMENT_OR_ROW
    return _SQLSTATES.get(state) or _SQLSTATES.get(state[:2]) or Verdict.STATEMENT_OR_ROW


def _is_of_the_client(number: int) -> bool:
    """Whether MySQL's client says so, and not the server: then the connection is of no use any more."""
    return number < 1000 or 2000 <= number < 3000


def _by_class(error: BaseException) -> Verdict:
    """Without a code that says more: the driver itself says no, or there is no connection any more."""
    lost = isinstance(error, OperationalError | InternalError) or not isinstance(error, DatabaseError)
    return Verdict.AGAIN if lost else _refused_by_class(error)


def _refused_by_class(error: BaseException) -> Verdict:
    return Verdict.ROW if isinstance(error, IntegrityError | DataError) else Verdict.STATEMENT_OR_ROW
