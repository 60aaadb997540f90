"""The answers of a pipeline: an error is not raised there, but is an exception in the list of answers."""

from collections.abc import Iterable
from typing import Any


def raised(answer: Any) -> Any:
    """Return one answer, or raise it if it is an error."""
    if isinstance(answer, Exception):
        raise answer
    return answer


def all_raised(answers: Iterable[Any]) -> list[Any]:
    """Return the answers, or raise the first of them that is an error."""
    return [raised(answer) for answer in answers]
