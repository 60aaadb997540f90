"""Hooks of the transaction that Django's `TestCase` puts around a test, which never commits.

Django keeps the `on_commit` hooks of such a test for the test to look at: `captureOnCommitCallbacks()` counts and
returns them. What a project's test finds there is to be what it found before the model was registered. So cachedemo's
own hooks are kept elsewhere: in the transaction around the test, with which they end.
"""

from collections.abc import Iterator
from functools import wraps
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

Hook = tuple[Any, Any, bool]  # as Django's own: the savepoints that it is in, what to call, whether it may fail

_HOOKS = "_cachedemo_hooks"  # in the __dict__ of such a transaction
_follows_rollbacks = False


def are_kept(connection: Any) -> bool:
    """Say whether a test's transaction is under way."""
    return bool(connection.atomic_blocks) and _is_around_a_test(connection.atomic_blocks[0])


def _is_around_a_test(block: Any) -> bool:
    return bool(block._from_testcase)


def add(connection: Any, hook: Hook) -> None:
    """Keep a hook until it is taken, a savepoint that it is in is rolled back, or the test ends."""
    _follow_rollbacks()
    block = [each for each in connection.atomic_blocks if _is_around_a_test(each)][-1]
    vars(block).setdefault(_HOOKS, []).append(hook)


def of(connection: Any) -> Iterator[Hook]:
    """Yield those of the tests under way: of the class, of one test."""
    for block in list(connection.atomic_blocks) if are_kept(connection) else ():
        yield from list(vars(block).get(_HOOKS, ()))


def taken(connection: Any) -> list[Hook]:
    """Return them, and keep them no longer."""
    hooks = list(of(connection))
    _keep_only(connection, lambda hook: False)
    return hooks


def _keep_only(connection: Any, is_kept: Any) -> None:
    for block in connection.atomic_blocks:
        if _HOOKS in vars(block):
            vars(block)[_HOOKS] = [hook for hook in vars(block)[_HOOKS] if is_kept(hook)]


def _follow_rollbacks() -> None:
    """Have a savepoint that is rolled back take along the hooks that were registered in it, as it does Django's."""
    global _follows_rollbacks
    if _follows_rollbacks:
        return
    _follows_rollbacks = True
    plain = BaseDatabaseWrapper.savepoint_rollback

    @wraps(plain)
    def savepoint_rollback(self: Any, sid: str) -> None:
        plain(self, sid)
        _keep_only(self, lambda hook: sid not in hook[0])

    BaseDatabaseWrapper.savepoint_rollback = savepoint_rollback  # type: ignore[method-assign]
