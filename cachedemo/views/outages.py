"""What is wrong, and how to fix it, in words for the person who asked; the details are for the log."""

import logging
from typing import NamedTuple

from django.db import InterfaceError, OperationalError

from cachedemo.exceptions import (
    CacheUnavailable,
    Contended,
    ForeignData,
    OutcomeUnknown,
    QueueUnavailable,
    SourceUnavailable,
    StatementRefused,
    Unavailable,
    UnknownFieldWaiting,
)
from cachedemo.protocol.error_descriptions import describe

logger = logging.getLogger(__name__)

# What a request ends with when something is down. The database speaks for itself outside of cachedemo: sessions, lists.
OUTAGES = (Unavailable, ForeignData, OperationalError, InterfaceError)


class Outage(NamedTuple):
    """Three sentences: what is wrong, what that means, what to do."""

    title: str
    meaning: str
    fix: str

    def __str__(self) -> str:
        return " ".join(self)


_CACHE = Outage(
    "The cache server does not answer.",
    "Reads and writes go on without it, but more slowly.",
    "Start it, or correct CACHEDEMO_CACHE_URL; manage.py cache_ping says what is wrong with it.",
)
_QUEUE = Outage(
    "The queue server does not answer.",
    "Writes that were acknowledged may be waiting there, so nothing is read past it and nothing is written.",
    "Start it, or correct CACHEDEMO_QUEUE_URL; manage.py cache_ping says what is wrong with it.",
)
_DATABASE = Outage(
    "The database does not answer.",
    "Rows in the cache can still be read; nothing was written.",
    "Start it, or correct DATABASE_URL; manage.py migrate makes missing tables.",
)
_STATEMENT = Outage(
    "The database refuses to write this table at all.",
    "Nothing was written; it is not about the values.",
    "manage.py migrate makes missing columns; the log has what the database said.",
)
_UNKNOWN = Outage(
    "It is not known whether the write was taken.",
    "A server went away after the write was sent; it may have been written or not, and is not acknowledged.",
    "Look at the row before you write again.",
)
_CONTENDED = Outage(
    "Others were writing the same row, again and again.",
    "Nothing was written.",
    "Try again.",
)
_NEWER = Outage(
    "A newer release has a write waiting for this row that this one cannot make.",
    "Nothing was written.",
    "Try again; a worker of the newer release must be running.",
)
_FOREIGN = Outage(
    "A key of this row on the queue server holds something that cachedemo did not write.",
    "Nothing was written.",
    "Look at the key that the log names; another program may be using the same Redis database.",
)

_BY_CLASS: dict[type[Exception], Outage] = {
    CacheUnavailable: _CACHE,
    QueueUnavailable: _QUEUE,
    SourceUnavailable: _DATABASE,
    StatementRefused: _STATEMENT,
    OperationalError: _DATABASE,
    InterfaceError: _DATABASE,
    OutcomeUnknown: _UNKNOWN,
    Contended: _CONTENDED,
    UnknownFieldWaiting: _NEWER,
    ForeignData: _FOREIGN,
}


def explain(error: Exception) -> Outage:
    """Say what one of the OUTAGES means, and log what it said itself: addresses are nothing for a stranger."""
    logger.warning("%s: %s", type(error).__name__, describe(error))
    for kind in type(error).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind]
    return _DATABASE._replace(title="Something is unavailable now.", fix="Try again.")


def retry_after(error: Exception) -> int:
    """Return the seconds after which asking again may help."""
    return error.retry_after if isinstance(error, Unavailable) else Unavailable.retry_after
