"""Tests of a project that uses cachedemo: their keys are the run's own, without anybody asking.

Django swaps the database for a test run, and nothing swaps Redis: a write-behind of a test would be flushed into the
developer's rows by the developer's worker, and the slots of a test that was rolled back would be read by the next one.

    test:{run}:{database}:{test}:    before every key, while a test run is under way

{run} stands in the environment, so that child processes share it. {database} is a hash of the database's name, which
is another one for each parallel process; of a database in memory, it is a hash of the process's number too. {test} is a
number of its own for each test of a `TestCase`, which is rolled back and so begins empty. A `TransactionTestCase`
flushes its database; the keys of that database go along with it. What `setUpTestData` has left waiting in the queue
waits in each test of the class (test_class_queue.py).

Most tests only save, and a test of a `TestCase` is one transaction: what it saves and reads fills nothing, and nothing
waits for it. So it is as if cachedemo were switched off, until the test writes through a cache itself.
"""

import atexit
import contextlib
import hashlib
import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.operations import BaseDatabaseOperations

from cachedemo import conf
from cachedemo.exceptions import CachedemoError
from cachedemo.servers import test_class_queue, test_making, test_sweeping

logger = logging.getLogger(__name__)

RUN = "CACHEDEMO_TEST_RUN"  # in os.environ: its name

# Alias -> the settings of the database, which a test run changes, and its name when Django was ready.
_ready: dict[str, tuple[dict[str, Any], Any]] = {}
_modules = sys.modules
_begun = RUN in os.environ  # asked at every call, and a look at the environment is slow
_numbers = itertools.count(1)
_when_emptied: list[Callable[[], None]] = []
_BLOCK = "_cachedemo_test"  # in the __dict__ of the transaction around a test: its number
_USED = "_cachedemo_used"  # there too: whether the test has written through a cache
_WAITING = "_cachedemo_waiting"  # there too, of a class: what waits when its tests begin
_BEGUN_WITH = "_cachedemo_begun_with"  # there too, of a test: that it has got what waits
_in_use = 0  # how many say now that the servers are used, whatever a test does


def remember_databases() -> None:
    """Note which databases the project has, when Django is ready: a test run has others."""
    _ready.update({alias: (each, each["NAME"]) for alias, each in connections.settings.items()})
    test_making.follow(_empty_made)
    if _begun:  # a process of a run that another one has begun, as those of `--parallel` are where nothing is forked
        _empty_with_every_flush()


def is_under_way(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Say whether this process is running tests, or `testserver`, on that database; or has, or its parent does."""
    if not _begun and not is_test_environment():
        known = _ready.get(using)
        named_as_ever = known is None or known[0]["NAME"] == known[1]  # here and not in a function: every hit asks
        if named_as_ever and ("django.test.testcases" not in _modules or not _is_in_a_testcase(using)):
            return False
    return bool(conf.get("TEST_ISOLATION"))


def is_test_environment() -> bool:
    """Whether Django's `setup_test_environment()` has been called. `mail.outbox` would not do: `locmem` has one too."""
    module = _modules.get("django.test.utils")
    return module is not None and "saved_data" in vars(module._TestState)


def _is_in_a_testcase(using: str) -> bool:
    """Whether Django's `TestCase` has begun a transaction that it will roll back.

    Under `python -m unittest` that is all that tells of tests, and the database may be the developer's.
    """
    return using in connections.settings and bool(_states_of_test(using))


def prefix(using: str) -> str:
    """Return what the keys of this test begin with."""
    states = _states_of_test(using)
    if not states:
        return _with_number(using, 0)
    mine = _with_number(using, _number(states[-1]))
    if _BEGUN_WITH not in states[-1]:
        with _if_the_servers_answer():  # else with the next command
            if len(states) > 1:
                test_class_queue.put(_waiting(using, states[-2]), _with_number(using, _number(states[-2])), mine)
            states[-1][_BEGUN_WITH] = True
    return mine


def _with_number(using: str, number: int) -> str:
    return f"{_of_database(using)}{number}:"


def _of_database(using: str) -> str:
    name = str(connections.settings[using]["NAME"]) if using in connections.settings else using
    if "mode=memory" in name or name == ":memory:":  # each process has one of its own, by the same name after a fork
        name = f"{name}.{os.getpid()}"
    return f"test:{run()}:{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:10]}:"


def _number(state: dict[str, Any]) -> int:
    if _BLOCK not in state:
        state[_BLOCK] = next(_numbers)
    return int(state[_BLOCK])


def _states_of_test(using: str) -> list[dict[str, Any]]:
    """Return where to keep what is known of the tests whose transactions are under way: of the class, of one test."""
    blocks = connections[using].atomic_blocks
    return [vars(block) for block in blocks if block._from_testcase]  # type: ignore[attr-defined]


def _waiting(using: str, of_class: dict[str, Any]) -> dict[bytes, bytes]:
    """Return what waits when the tests of a class begin. Raises QueueUnavailable."""
    if _USED not in of_class:
        return {}
    if _WAITING not in of_class:
        of_class[_WAITING] = test_class_queue.copied(_with_number(using, _number(of_class)))
    waiting: dict[bytes, bytes] = of_class[_WAITING]
    return waiting


def needs_servers(using: str) -> bool:
    """Say whether there may be anything in the servers: not while a test database is being made, and not in a test of
    a `TestCase` that has not put it there."""
    if not is_under_way(using):
        return True
    if test_making.is_under_way(using):
        return False
    if _in_use:
        return True
    states = _states_of_test(using)
    return not states or _USED in states[-1] or _has_waiting(using, states)


def _has_waiting(using: str, states: list[dict[str, Any]]) -> bool:
    try:
        return len(states) > 1 and bool(_waiting(using, states[-2]))
    except CachedemoError:
        return True  # the call that asks will say so


def use_servers(using: str) -> None:
    """Note that the test under way, if one is, writes through a cache: from here on its saves take their steps."""
    if is_under_way(using) and (states := _states_of_test(using)):
        states[-1][_USED] = True


def use_all_servers() -> None:
    """Note the same of every database: what operators ask and do is about the servers, also in a test."""
    for using in connections.settings:
        use_servers(using)


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Count the servers as used inside of this, also by a test that only reads and saves."""
    global _in_use
    _in_use += 1
    try:
        yield
    finally:
        _in_use -= 1


def run() -> str:
    """Return the name of this run; the first process that asks begins it, and sweeps what dead ones have left."""
    global _begun
    if RUN not in os.environ:
        os.environ[RUN] = test_sweeping.new_run()
        _warn_of_other_names()
        _empty_with_every_flush()
        with _if_the_servers_answer():
            test_sweeping.sweep_dead(os.environ[RUN])
        atexit.register(_sweep_own, os.getpid(), os.environ[RUN])
    _begun = True
    return os.environ[RUN]


def _warn_of_other_names() -> None:
    """Say why this counts as a test run where it may be none: a project may rename a database for each tenant."""
    for alias, (now, before) in () if is_test_environment() else _ready.items():
        if now["NAME"] != before and not _is_of_a_test(now):
            logger.warning(
                "DATABASES[%r] has another NAME than when Django was ready, so this process counts as a test run: no "
                "worker flushes what it writes behind, and its keys are deleted when it ends. If it runs no tests, "
                "give each database an alias of its own.",
                alias,
            )


def _is_of_a_test(database: dict[str, Any]) -> bool:
    name = str(database["NAME"])
    return "test" in name.rpartition("/")[2] or "memory" in name or name == str(database["TEST"].get("NAME"))


def forget() -> None:
    """Count as a process that has not run tests: for a suite that tries this out."""
    global _begun
    _begun = False
    os.environ.pop(RUN, None)


def _empty_with_every_flush() -> None:
    """`TransactionTestCase` empties its tables between two tests; what is in Redis of them goes with them."""
    plain = BaseDatabaseOperations.execute_sql_flush

    @wraps(plain)
    def execute_sql_flush(self: Any, sql_list: Any) -> Any:
        result = plain(self, sql_list)
        using = self.connection.alias
        _empty(using)
        return result

    BaseDatabaseOperations.execute_sql_flush = execute_sql_flush  # type: ignore[method-assign]


def _empty(using: str) -> None:
    """Delete the keys of a database that has no rows any more."""
    if is_under_way(using):
        with _if_the_servers_answer():
            test_sweeping.delete(_of_database(using))
            for call in _when_emptied:
                call()


def _empty_made(using: str) -> None:
    """A run may make the same database twice; what is in the servers is of the first one."""
    if _begun:
        _empty(using)


def when_emptied(call: Callable[[], None]) -> None:
    """Call this whenever the keys of a database were deleted between two tests."""
    _when_emptied.append(call)


@contextlib.contextmanager
def _if_the_servers_answer() -> Iterator[None]:
    with contextlib.suppress(CachedemoError, ImproperlyConfigured):
        yield


def _sweep_own(pid: int, run: str) -> None:
    if os.getpid() == pid:  # not a forked child's to do
        with _if_the_servers_answer():
            test_sweeping.delete(f"test:{run}:")
