"""The answers of a pipeline: an error is not raised there, but is an exception in the list of answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis


def raised(answer: Any) -> Any:
    """Return one answer, or raise it if it is an error."""
    if isinstance(answer, Exception):
        raise answer
    return answer


def all_raised(answers: Iterable[Any]) -> list[Any]:
    """Return the answers, or raise the first of them that is an error."""
    return [raised(answer) for answer in answers]


def meant(commands: Sequence[Sequence[Any]], answers: Sequence[Any], outage: Callable[..., Exception]) -> list[Any]:
    """Return answers with what each error means in its place, as `outage` says it of an error and the command's key."""
    return [
        outage(answer, *words[1:2]) if isinstance(answer, redis.RedisError) else answer
        for words, answer in zip(commands, answers, strict=True)
    ]
