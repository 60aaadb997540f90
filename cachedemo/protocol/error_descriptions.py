"""An error in one line that shows no value of any row: for logs, dead letters and messages.

What a database says in its own words may hold whole rows (PostgreSQL's DETAIL, a trigger's text), so only names and
codes are taken from it.
"""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import Error, InterfaceError, OperationalError

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import database_errors

LONGEST = 500  # characters

# SQLite: names of the schema, as they stand in the statement or in its constraint.
_SQLITE = re.compile(
    r"(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(: .*)?|no such (table|column|function): [\w.]+"
    r"|cannot modify [\w.]+ because it is a view"
)
_SQLITE_TRIGGER = "SQLITE_CONSTRAINT_TRIGGER"  # its words are the trigger's

# MySQL: the name at the end; what stands before it may be a value.
_MYSQL_NAME = re.compile(
    r"(?:key|constraint|column) '([\w.$-]+)'(?: is violated\.?| in '[^']*'| at row \d+)?$", re.IGNORECASE
)


def describe(error: BaseException) -> str:
    """Return the class of an error and what may be told of it. Our own errors show no value to begin with."""
    return one_line(str(error) if isinstance(error, CachedemoError) else ": ".join(filter(None, _parts(error))))


def one_line(text: Any) -> str:
    """Return text that no value can turn into a second line of a log, nor into a very long one."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _parts(error: BaseException) -> tuple[str, str]:
    return type(error).__name__, _validation(error) if isinstance(error, ValidationError) else _database(error)


def _validation(error: ValidationError) -> str:
    """Return the fields, or the code of what is wrong; the sentences may quote the value."""
    return (
        ", ".join(sorted(error.error_dict)) if hasattr(error, "error_dict") else str(getattr(error, "code", "") or "")
    )


def _database(error: BaseException) -> str:
    if not isinstance(error, Error):
        return ""
    cause = error.__cause__ or error
    if state := database_errors.sqlstate(cause):
        return f"{state} {_condition(cause)}{_diagnosed(cause)}".rstrip()
    if name := getattr(cause, "sqlite_errorname", None):
        return _sqlite(str(name), str(cause), database_errors.judge(error))
    if number := database_errors.mysql_number(cause):
        return f"{number}{_named(str(cause.args[-1]))}"
    return str(cause) if type(cause).__module__.startswith("psycopg") and _is_lost(error) else ""


def _sqlite(name: str, words: str, verdict: database_errors.Verdict) -> str:
    """Return SQLite's words where they are its own and name nothing but the schema, else the code's name."""
    fixed = verdict is database_errors.Verdict.AGAIN or (_SQLITE.fullmatch(words) and name != _SQLITE_TRIGGER)
    return words if fixed else name


def _is_lost(error: BaseException) -> bool:
    """Whether the driver speaks of its connection, not of a value."""
    return isinstance(error, OperationalError | InterfaceError)


def _condition(cause: BaseException) -> str:
    """Return the name of PostgreSQL's condition, such as unique_violation: psycopg has a class for each."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(cause).__name__).lower()


def _diagnosed(cause: Any) -> str:
    """Return the names that PostgreSQL gives in fields of their own."""
    diag = getattr(cause, "diag", None)
    names = [(kind, getattr(diag, f"{kind}_name", None)) for kind in ("constraint", "table", "column")]
    told = ", ".join(f"{kind} {name}" for kind, name in names if name)
    return f" ({told})" if told else ""


def _named(text: str) -> str:
    found = _MYSQL_NAME.search(text)
    return f" ({found[1]})" if found else ""
