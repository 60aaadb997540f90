"""Which rows a step on many slots has not reached: in a cluster, those whose server does not answer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cachedemo.exceptions import CacheUnavailable


@contextmanager
def naming_rows(slots: Mapping[Any, Any]) -> Iterator[None]:
    """Say in CacheUnavailable which rows were not reached; `slots` are key -> primary key."""
    try:
        yield
    except CacheUnavailable as error:
        if error.keys is not None:
            error.rows = frozenset(slots[key] for key in error.keys)
        raise


def all_reached(slots: Mapping[Any, Any], answers: Sequence[Any]) -> None:
    """Raise the first of the answers for these slots that is an error, with the keys of all of them."""
    failed = {key: answer for key, answer in zip(slots, answers, strict=True) if isinstance(answer, Exception)}
    for error in failed.values():
        if isinstance(error, CacheUnavailable):
            error.keys = frozenset(failed)
        raise error


def slot_or_none(answer: Any) -> bytes | None:
    """Return a slot; an error counts as an empty one, which nothing is put into either."""
    return answer if isinstance(answer, bytes) else None
