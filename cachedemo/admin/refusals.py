"""What the admin says when a change is refused: for people who fill in forms, not for people who read code."""

import logging
from collections.abc import Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.text import capfirst, get_text_list

from cachedemo.exceptions import (
    CachedemoError,
    Contended,
    OutcomeUnknown,
    QueueUnavailable,
    SourceUnavailable,
    StaleInstance,
    StatementRefused,
    UnknownFieldWaiting,
)
from cachedemo.protocol.error_descriptions import describe

logger = logging.getLogger(__name__)

REFUSALS = (CachedemoError, OperationalError, InterfaceError)

_AGAIN = "Nothing was saved. Open the page again and make your change once more."
_LATER = "Nothing was saved. Try again in a minute; if it goes on, tell the people who run this site."
_DATABASE = f"The database does not answer. {_LATER}"

# The first class that fits counts.
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (StaleInstance, f"Somebody else changed this while you were saving it. {_AGAIN}"),
    (Contended, f"Others were changing the same thing again and again. {_AGAIN}"),
    (OutcomeUnknown, "It is not known whether your change was saved. Look at what is there now before you try again."),
    (QueueUnavailable, f"The queue server, where changes wait for the database, does not answer. {_LATER}"),
    (UnknownFieldWaiting, f"A change made by another release of this site has to be stored first. {_LATER}"),
    (StatementRefused, "The database refuses this change. Nothing was saved. Tell the people who run this site."),
    (SourceUnavailable, _DATABASE),
    (OperationalError, _DATABASE),
    (InterfaceError, _DATABASE),
)
_UNEXPECTED = f"Something went wrong. {_LATER}"


class ChangedSinceShown(StaleInstance):
    """Raised when a form was filled in over values that somebody else has changed since; nothing was written.

    Attributes:
        labels: the fields that were changed, as the form names them.
        what: what the form is about, in the model's own words.
    """

    def __init__(self, labels: Sequence[Any], what: Any) -> None:
        self.labels = [str(capfirst(label)) for label in labels]
        self.what = str(what)
        changed = f"Somebody else changed {_named(labels)} of this {what} after you opened this page."
        super().__init__(f"{changed} {_AGAIN}")


def replaced(labels: Sequence[Any], what: Any) -> str:
    """Say that what was saved has replaced what somebody else had saved meanwhile."""
    return (
        f"Somebody else had changed {_named(labels)} of this {what} after you opened this page. "
        f"What you entered has replaced it."
    )


def _named(labels: Sequence[Any]) -> str:
    return get_text_list([str(capfirst(label)) for label in labels], "and")


def explain(error: Exception) -> str:
    """Say what happened and what to do; what the error itself says is for the log."""
    if isinstance(error, ChangedSinceShown):
        return str(error)
    logger.warning("%s: %s", type(error).__name__, describe(error))
    return next((words for kind, words in _SENTENCES if isinstance(error, kind)), _UNEXPECTED)
