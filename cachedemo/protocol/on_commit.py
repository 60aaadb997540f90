"""The finish of a write inside a transaction: the first thing after its COMMIT, and never after a rollback."""

import uuid
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary, ref

from django.db import connections

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import stamps, test_hooks, transactions
from cachedemo.protocol.increments import Changes
from cachedemo.protocol.waiting import Names
from cachedemo.protocol.waiting_fields import Fields

# Those of all transactions of this process that may still commit, or of which an instance still asks whether they did.
_uncommitted: "WeakValueDictionary[int, Finish]" = WeakValueDictionary()
_pickled: "WeakValueDictionary[str, Finish]" = WeakValueDictionary()  # those that copies of an instance may ask for
_committed: deque[str] = deque(maxlen=10_000)  # of these, the last that did; such a copy may be read much later


class Finish:
    """The last steps of a write; stands in the transaction's `run_on_commit` until it commits.

    Args:
        steps: what to do once it has committed.
        stamp: of the write; what waits and is older is superseded by it.
        names: the fields that it writes; None for all of the row.

    Attributes:
        table, pks: the rows, their keys as text.
        done: whether the transaction has committed, and the write with it.
    """

    def __init__(
        self, table: Any, pks: Iterable[Any], steps: Callable[[], None], stamp: int = 0, names: Names = ()
    ) -> None:
        self.table = table
        self.pks = frozenset(map(str, pks))
        self.stamp = stamp
        self.names = names
        self.done = False
        self._steps = steps
        self._token = ""
        self._connection: Callable[[], Any] = lambda: None  # a weak reference to the one whose hook it is

    def __call__(self) -> None:
        if self.done:  # a test calls the hooks that it has captured, perhaps after `finish_ended`
            return
        self.done = True
        if self._token:
            _committed.append(self._token)
        self._steps()

    def stands_in(self, connection: Any) -> None:
        """Note that it is a hook of this connection's transaction."""
        self._connection = ref(connection)

    def may_commit(self) -> bool:
        """Whether the transaction that it is of, in whatever thread, may still commit. A rollback drops its hooks."""
        connection = self._connection()
        return connection is not None and any(hook[1] is self for hook in _hooks(connection))

    def supersedes(self, name: str, stamp: int) -> bool:
        """Whether it has written over what waits for this field; the queue drops that once it has committed."""
        return stamps.written(stamp) < self.stamp and (self.names is None or name in self.names)

    def __deepcopy__(self, memo: Any) -> "Finish":
        """A copy of an instance waits for the same commit, and does not drag the hooks of the transaction along."""
        return self

    def __reduce__(self) -> Any:
        self._token = self._token or uuid.uuid4().hex
        _pickled[self._token] = self
        return _unpickled, (self._token, self.done)


class _Savepoints(set[Any]):
    """The savepoints that a write is in, as Django's hooks have them: one that is rolled back takes the hook with it.

    Django looks for the one that is rolled back in each, but knows those of `atomic()` only. Those that a project makes
    by `transaction.savepoint()` are numbered all the same, so a write is in each that was made before it.
    """

    def __init__(self, connection: Any) -> None:
        super().__init__(connection.savepoint_ids)
        self.made = connection.savepoint_state

    def __contains__(self, savepoint: object) -> bool:
        number = str(savepoint).rpartition("_x")[2]
        return super().__contains__(savepoint) or (number.isdecimal() and int(number) <= self.made)


def _unpickled(token: str, done: bool) -> Finish:
    """Return the finish itself, or where it is not known one that counts as rolled back if it had not committed yet."""
    finish = _pickled.get(token)
    if finish is None:
        finish = Finish(None, (), lambda: None)
        finish.done = done or token in _committed
    return finish


def finish_first(using: str, finish: Finish) -> None:
    """Run `finish` before every hook of the transaction under way, however early that was registered; else now.

    A hook, or a task that it starts in another process, then reads what was written. Rolling back a savepoint that
    the write was in drops it, as it drops any hook; one that was made by hand, too.
    """
    connection = connections[using]
    if not connection.in_atomic_block or transactions.is_of_testcase(using):
        finish()
        return
    finish.stands_in(connection)
    _uncommitted[id(finish)] = finish
    hook = (_Savepoints(connection), finish, False)
    if test_hooks.are_kept(connection):
        test_hooks.add(connection, hook)
        return
    # All finishes stand in front, so where they end is found without looking at each.
    first = bisect_left(connection.run_on_commit, True, key=lambda each: not isinstance(each[1], Finish))
    connection.run_on_commit.insert(first, hook)  # type: ignore[arg-type]


def _hooks(connection: Any) -> list[Any]:
    """Return those of the transaction under way; made in one go, for its own thread may begin or end one meanwhile."""
    return [*test_hooks.of(connection), *connection.run_on_commit]


def is_anything_under_way() -> bool:
    """Whether any transaction of this process may have written a row and not committed it yet."""
    return bool(_uncommitted)


def wrote(using: str, table: Any, pk: Any) -> bool:
    """Whether the transaction under way has written this row: reads of it go to the database."""
    found = any(str(pk) in finish.pks for finish in _under_way(using, table))
    if found:
        finish_ended(using)
    return found


def finish_ended(using: str) -> None:
    """Finish, in a test of a `TestCase`, what it has written in blocks of its own that have ended.

    Outside of tests their COMMIT would have done it.
    """
    for _, finish, _ in test_hooks.taken(connections[using]) if transactions.is_of_testcase(using) else ():
        with suppress(CachedemoError):  # there is no block any more that could raise it
            finish()


def is_being_written(table: Any, pks: Iterable[Any]) -> bool:
    """Whether any transaction of this process may have written one of these rows and not committed it yet."""
    if not _uncommitted:
        return False
    keys = frozenset(map(str, pks))
    prefix = table.slots.prefix
    # A list is made in one go, so that another thread may begin or end a transaction meanwhile.
    finishes = [finish for reference in list(_uncommitted.valuerefs()) if (finish := reference()) is not None]
    of_rows = [each for each in finishes if each.pks & keys and each.table.slots.prefix == prefix]
    return any(not each.done and each.may_commit() for each in of_rows)


def without_superseded(using: str, table: Any, waiting: Mapping[Any, Fields]) -> dict[Any, Fields]:
    """Return what waits for each row, but for what the transaction under way has written over.

    Above all for what was refused: it lies over any row, until its flag is dropped after the COMMIT.
    """
    left = dict(waiting)
    if not any(left.values()):
        return left
    keys = {str(pk): pk for pk, fields in left.items() if fields}
    for finish in _under_way(using, table):
        for pk in finish.pks & keys.keys():
            fields = left[keys[pk]]
            left[keys[pk]] = {name: part for name, field in fields.items() if (part := _left(finish, name, field))}
    return left


def _left(finish: Finish, name: str, field: tuple[int, Any]) -> tuple[int, Any] | None:
    """Return what is left of what waits for a field; of increments, those that came later."""
    if type(field[1]) is not Changes:
        return None if finish.supersedes(name, field[0]) else field
    later = field[1].only(lambda change: not finish.supersedes(name, change.last))
    return later.waiting() if later else None


def _under_way(using: str, table: Any) -> Iterator[Finish]:
    """Yield the finishes of what the transaction under way has written of this table."""
    connection = connections[using]
    if connection.in_atomic_block:
        for hook in _hooks(connection):
            finish = hook[1]
            if isinstance(finish, Finish) and not finish.done and finish.table.slots.prefix == table.slots.prefix:
                yield finish
