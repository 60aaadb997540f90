"""What is certain of a write: nothing that fails after it was taken may look as if nothing had been written."""

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseFailure

from cachedemo.exceptions import CachedemoError, OutcomeUnknown
from cachedemo.protocol import database_errors
from cachedemo.protocol.error_descriptions import describe

# What a caller takes for "nothing was written".
REFUSED = (*database_errors.UNPREPARABLE, CachedemoError, DatabaseFailure, ObjectDoesNotExist)


class taken:  # each write enters some, and a generator with @contextmanager takes twice as long
    """Do what is left before an acknowledgement; `by` has the write already.

    Raises:
        OutcomeUnknown: in the place of whatever a caller would take for "nothing was written". An exception out of
            nowhere (KeyboardInterrupt, Celery's SoftTimeLimitExceeded) passes as it is.
    """

    __slots__ = ("by",)

    def __init__(self, by: str) -> None:
        self.by = by

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, REFUSED) and not isinstance(error, OutcomeUnknown):
            why = describe(error)
            raise OutcomeUnknown(f"The {self.by} has the write, but it cannot be acknowledged: {why}") from error
