"""What the database's errors mean, and what is raised in their place."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error as DatabaseFailure

from cachedemo.exceptions import (
    CachedemoError,
    OutcomeUnknown,
    Overtaken,
    SourceUnavailable,
    StatementRefused,
    Unavailable,
)
from cachedemo.protocol import database_errors
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.error_descriptions import describe

_UNAVAILABLE = (SourceUnavailable, "The database is unavailable")
_MEANINGS: dict[Verdict, tuple[type[Unavailable], str]] = {
    Verdict.AGAIN: _UNAVAILABLE,
    Verdict.ONE_ROW_MAYBE: _UNAVAILABLE,
    Verdict.STATEMENT_OR_ROW: (StatementRefused, "The database refuses the statement itself"),
    Verdict.OVERTAKEN: (Overtaken, "The database let another transaction come first"),
    Verdict.UNKNOWN: (OutcomeUnknown, "The database may have the write or not"),
}


@contextmanager
def answering() -> Iterator[None]:
    """Let what the database says of a row, or of a transaction that has failed before, pass as it is.

    Raises:
        SourceUnavailable: the database gives no answer about the data.
        Overtaken: it has rolled the transaction back in favour of another one.
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


def _meaning(error: DatabaseFailure) -> Unavailable | None:
    """Return what to raise in the place of what the database says; None where it speaks of a row or a transaction."""
    if isinstance(error, CachedemoError) or database_errors.is_for_who_began_it(error):
        return None  # StaleInstance is an error of the database too
    meaning = _MEANINGS.get(database_errors.judge(error))
    return meaning[0](f"{meaning[1]}: {describe(error)}") if meaning else None
