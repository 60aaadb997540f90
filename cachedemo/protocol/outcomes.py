"""What is certain of a write: nothing that fails after it was taken may look as if nothing had been written."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseFailure

from cachedemo.exceptions import CachedemoError, OutcomeUnknown
from cachedemo.protocol import database_errors
from cachedemo.protocol.error_descriptions import describe

# What a caller takes for "nothing was written".
REFUSED = (*database_errors.UNPREPARABLE, CachedemoError, DatabaseFailure, ObjectDoesNotExist)


@contextmanager
def taken(by: str) -> Iterator[None]:
    """Do what is left before an acknowledgement; `by` has the write already.

    Raises:
        OutcomeUnknown: in the place of whatever a caller would take for "nothing was written". An exception out of
            nowhere (KeyboardInterrupt, Celery's SoftTimeLimitExceeded) passes as it is.
    """
    try:
        yield
    except OutcomeUnknown:
        raise
    except REFUSED as error:
        raise OutcomeUnknown(f"The {by} has the write, but it cannot be acknowledged: {describe(error)}") from error
