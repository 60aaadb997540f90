"""Capturing the hooks of `transaction.on_commit` without those of cachedemo."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from cachedemo.protocol.on_commit import Finish, finish_ended

logger = logging.getLogger("django.test")


@contextmanager
def capture_on_commit_callbacks(
    *, using: str = DEFAULT_DB_ALIAS, execute: bool = False
) -> Iterator[list[Callable[[], Any]]]:
    """Capture the `on_commit` hooks of this block, as Django's `captureOnCommitCallbacks` does.

    cachedemo has hooks of its own, which empty slots. They are not among those returned; in a `TestCase`
    Django's own does not find them either. With `execute` they run first, as they do at a real COMMIT.

    Args:
        using: alias of the database.
        execute: run the hooks when the block ends, also those that they register themselves.

    Returns:
        A list, filled when the block ends.
    """
    callbacks: list[Callable[[], Any]] = []
    known = [hook[0] for hook in connections[using].run_on_commit]  # a set of its own in each, which also stays
    try:
        yield callbacks
    finally:
        if execute:
            finish_ended(using)
        while new := _unknown(using, known):
            known += [hook[0] for hook in new]
            callbacks += [callback for _, callback, _ in new if not isinstance(callback, Finish)]
            for _, callback, robust in sorted(new, key=lambda hook: not isinstance(hook[1], Finish)) if execute else ():
                _call(callback, robust)


def _unknown(using: str, known: list[Any]) -> list[Any]:
    ids = set(map(id, known))
    return [hook for hook in connections[using].run_on_commit if id(hook[0]) not in ids]


def _call(callback: Callable[[], Any], robust: bool) -> None:
    try:
        callback()
    except Exception as error:
        if not robust:
            raise
        name = getattr(callback, "__qualname__", callback)
        logger.exception("Error calling %s in on_commit() (%s).", name, error)
