"""The finish of a write inside a transaction: the first thing after its COMMIT, and never after a rollback."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections


class Finish:
    """The last steps of a write; stands in the transaction's `run_on_commit` until it commits.

    Attributes:
        table, pks: the rows, their keys as text.
        done: whether the transaction has committed.
    """

    def __init__(self, table: Any, pks: Iterable[Any], steps: Callable[[], None]) -> None:
        self.table = table
        self.pks = frozenset(map(str, pks))
        self.done = False
        self._steps = steps

    def __call__(self) -> None:
        self.done = True
        self._steps()


def finish_first(using: str, finish: Finish) -> None:
    """Run `finish` before every hook of the transaction under way, however early that was registered; else now.

    A hook, or a task that it starts in another process, then reads what was written. Rolling back the savepoint that
    the write was in drops it, as it drops any hook.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        finish()
        return
    first = sum(isinstance(hook[1], Finish) for hook in connection.run_on_commit)
    if getattr(connection.atomic_blocks[0], "_from_testcase", False):  # captureOnCommitCallbacks counts from the end
        first = len(connection.run_on_commit)
    connection.run_on_commit.insert(first, (set(connection.savepoint_ids), finish, False))  # type: ignore[arg-type]


def is_under_way(using: str, finish: Finish) -> bool:
    """Whether the transaction that wrote the row may still commit."""
    return any(hook[1] is finish for hook in connections[using].run_on_commit)


def wrote(using: str, table: Any, pk: Any) -> bool:
    """Whether the transaction under way has written this row: reads of it go to the database."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return False
    return any(
        isinstance(hook[1], Finish) and hook[1].table.slots is table.slots and str(pk) in hook[1].pks
        for hook in connection.run_on_commit
    )
