"""The finish of a write inside a transaction: the first thing after its COMMIT, and never after a rollback."""

import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

from django.db import connections

_pickled: "WeakValueDictionary[str, Finish]" = WeakValueDictionary()  # those that copies of an instance may ask for


class Finish:
    """The last steps of a write; stands in the transaction's `run_on_commit` until it commits.

    Args:
        steps: what to do once it has committed.
        survived: asks the database whether the write is still there; needed after a savepoint was rolled back by hand,
            of which Django tells no hook.
        undone: what to do if it is not.

    Attributes:
        table, pks: the rows, their keys as text.
        done: whether the transaction has committed, and the write with it.
    """

    def __init__(
        self,
        table: Any,
        pks: Iterable[Any],
        steps: Callable[[], None],
        survived: Callable[[], bool] = lambda: True,
        undone: Callable[[], None] = lambda: None,
    ) -> None:
        self.table = table
        self.pks = frozenset(map(str, pks))
        self.done = False
        self.hooks: list[Any] = []  # the list it was put into
        self._steps = steps
        self._survived = survived
        self._undone = undone

    def __call__(self) -> None:
        if self.is_in_doubt() and not self._survived():
            self._undone()
            return
        self.done = True
        self._steps()

    def __deepcopy__(self, memo: Any) -> "Finish":
        """A copy of an instance waits for the same commit, and does not drag the hooks of the transaction along."""
        return self

    def __reduce__(self) -> Any:
        token = next((token for token, finish in _pickled.items() if finish is self), None) or uuid.uuid4().hex
        _pickled[token] = self
        return _unpickled, (token, self.done)

    def is_in_doubt(self) -> bool:
        """Whether a savepoint was rolled back since: Django goes on with a new list of hooks then."""
        return any(hook[1] is self for hook in self.hooks)

    def may_commit(self, hooks: list[Any]) -> bool:
        """Whether it stands among these hooks, and its write is still there."""
        return any(hook[1] is self for hook in hooks) and (hooks is self.hooks or self._survived())


def _unpickled(token: str, done: bool) -> Finish:
    """Return the finish itself, or where it is not known one that counts as rolled back if it had not committed yet."""
    finish = _pickled.get(token)
    if finish is None:
        finish = Finish(None, (), lambda: None)
        finish.done = done
    return finish


def finish_first(using: str, finish: Finish) -> None:
    """Run `finish` before every hook of the transaction under way, however early that was registered; else now.

    A hook, or a task that it starts in another process, then reads what was written. Rolling back the savepoint that
    the write was in drops it, as it drops any hook.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        finish()
        return
    # All finishes stand in front, so where they end is found without looking at each.
    first = bisect_left(connection.run_on_commit, True, key=lambda hook: not isinstance(hook[1], Finish))
    if getattr(connection.atomic_blocks[0], "_from_testcase", False):  # captureOnCommitCallbacks counts from the end
        first = len(connection.run_on_commit)
    finish.hooks = connection.run_on_commit
    connection.run_on_commit.insert(first, (set(connection.savepoint_ids), finish, False))  # type: ignore[arg-type]


def is_under_way(using: str, finish: Finish) -> bool:
    """Whether the transaction that wrote the row may still commit it."""
    return finish.may_commit(connections[using].run_on_commit)


def wrote(using: str, table: Any, pk: Any) -> bool:
    """Whether the transaction under way has written this row: reads of it go to the database."""
    connection = connections[using]
    if not connection.in_atomic_block:
        return False
    return any(
        isinstance(hook[1], Finish) and hook[1].table.slots is table.slots and str(pk) in hook[1].pks
        for hook in connection.run_on_commit
    )
