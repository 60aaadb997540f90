"""What can go wrong, one sentence each."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError


class CachedemoError(Exception):
    """Base of everything that cachedemo raises on its own account."""


class ExtraMissing(CachedemoError, ImportError):
    """Raised when a feature is used whose package is not installed; the message names the extra that brings it."""


class NotRegistered(CachedemoError):
    """Raised when a model has no registered cache."""


class UnknownDatabase(NotRegistered):
    """Raised when the rows of a model are in a database that this process does not know."""


class VersionConflict(CachedemoError, ImproperlyConfigured):
    """Raised when a version number is announced with other fields than it is live with."""


class StaleInstance(CachedemoError, DatabaseError):
    """Raised when an instance is saved that has not seen an acknowledged write of its row; nothing was written."""


class InsideTransaction(CachedemoError):
    """Raised when a write is asked for inside a transaction, which may still be rolled back; nothing was written."""


class PreconditionFailed(CachedemoError):
    """Raised when a row is no longer what the caller's ETag says; nothing was written."""


class ForeignData(CachedemoError):
    """Raised when a key of ours holds something that cachedemo did not write."""


class Refused(CachedemoError):
    """Raised when an operator's action is not done; the message says why."""


class Unavailable(CachedemoError):
    """Raised when something is unavailable now; asking again later may help."""

    retry_after = 1  # seconds
    full = False  # whether it is only that the server has no memory left: nothing was taken
    forbidden = False  # whether only this command is, to this user
    sent = False  # whether the command may have reached the server all the same
    keys: frozenset[str | bytes] | None = None  # those of a cluster that were not reached; None: all of them


class CacheUnavailable(Unavailable):
    """Raised when the cache server gives no usable answer; reads and writes go on without it."""

    rows: frozenset[Any] | None = None  # primary keys of those that were not reached; None: all of them


class QueueUnavailable(Unavailable):
    """Raised when the queue server gives no usable answer; without it an acknowledged write may be unseen."""


class SourceUnavailable(Unavailable):
    """Raised when the database gives no answer; nothing was written."""


class StatementRefused(SourceUnavailable):
    """Raised when the database refuses the statement itself, whatever the row; nothing was written."""


class Overtaken(SourceUnavailable):
    """Raised when the database let other transactions come first on every try; nothing was written."""


class OutcomeUnknown(Unavailable):
    """Raised when a write may have been done or not, and is not acknowledged."""


class Contended(Unavailable):
    """Raised when newer writes of the same row won every try; nothing was written."""


class UnknownFieldWaiting(Unavailable):
    """Raised when a field that only another release knows still waits for the row; nothing was written."""
