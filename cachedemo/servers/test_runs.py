"""Tests of a project that uses cachedemo: their keys are the run's own, without anybody asking.

Django swaps the database for a test run, and nothing swaps Redis: a write-behind of a test would be flushed into the
developer's rows by the developer's worker, and the slots of a test that was rolled back would be read by the next one.

    test:{run}:{database}:{test}:    before every key, while a test run is under way

{run} stands in the environment, so that child processes share it. {database} is a hash of the database's name, which
is another one for each parallel process; of a database in memory, it is a hash of the process's number too. {test} is a
number of its own for each test of a `TestCase`, which is rolled back and so begins empty. A `TransactionTestCase`
flushes its database; the keys of that database go along with it.

Most tests only save, and a test of a `TestCase` is one transaction: what it saves and reads fills nothing, and nothing
waits for it. So it is as if cachedemo were switched off, until the test writes through a cache itself.
"""

import atexit
import contextlib
import hashlib
import itertools
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.operations import BaseDatabaseOperations

from cachedemo import conf
from cachedemo.exceptions import CachedemoError
from cachedemo.servers.roles import CACHE, QUEUE, Role

RUN = "CACHEDEMO_TEST_RUN"  # in os.environ: host, process and time of its beginning
FORGOTTEN_AFTER = 86400.0  # seconds after which a run on another host counts as ended

# Alias -> the settings of the database, which a test run changes, and its name when Django was ready.
_ready: dict[str, tuple[dict[str, Any], Any]] = {}
_begun = RUN in os.environ  # asked at every call, and a look at the environment is slow
_numbers = itertools.count(1)
_BLOCK = "_cachedemo_test"  # in the __dict__ of the transaction around a test: its number
_USED = "_cachedemo_used"  # there too: whether the test has written through a cache
_SWEPT = 1000  # keys looked at in one go


def remember_databases() -> None:
    """Note which databases the project has, when Django is ready: a test run has others."""
    _ready.update({alias: (each, each["NAME"]) for alias, each in connections.settings.items()})


def is_under_way(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Say whether this process is running tests, or `testserver`, on that database; or has, or its parent does."""
    if not (_begun or _is_test_environment() or _is_another_database(using)):
        return False
    return bool(conf.get("TEST_ISOLATION"))


def _is_test_environment() -> bool:
    """Whether Django's `setup_test_environment()` has been called. `mail.outbox` would not do: `locmem` has one too."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def _is_another_database(using: str) -> bool:
    known = _ready.get(using)
    return known is not None and known[0]["NAME"] != known[1]


def prefix(using: str) -> str:
    """Return what the keys of this test begin with."""
    return f"{_of_database(using)}{_number_of_test(using)}:"


def _of_database(using: str) -> str:
    name = str(connections.settings[using]["NAME"]) if using in connections.settings else using
    if "mode=memory" in name or name == ":memory:":  # each process has one of its own, by the same name after a fork
        name = f"{name}.{os.getpid()}"
    return f"test:{run()}:{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:10]}:"


def _number_of_test(using: str) -> int:
    """Return the number of the test whose transaction is under way, 0 if none is."""
    state = _state_of_test(using)
    if state is None:
        return 0
    if _BLOCK not in state:
        state[_BLOCK] = next(_numbers)
    return int(state[_BLOCK])


def _state_of_test(using: str) -> dict[str, Any] | None:
    """Return where to keep what is known of the test whose transaction is under way, None if none is."""
    for block in reversed(connections[using].atomic_blocks):
        if block._from_testcase:  # type: ignore[attr-defined]
            return vars(block)
    return None


def needs_servers(using: str) -> bool:
    """Say whether there may be anything in the servers: not in a test of a `TestCase` that has not put it there."""
    if not is_under_way(using):
        return True
    state = _state_of_test(using)
    return state is None or _USED in state


def use_servers(using: str) -> None:
    """Note that the test under way, if one is, writes through a cache: from here on its saves take their steps."""
    if is_under_way(using) and (state := _state_of_test(using)) is not None:
        state[_USED] = True


def run() -> str:
    """Return the name of this run; the first process that asks begins it, and sweeps what dead ones have left."""
    global _begun
    if RUN not in os.environ:
        os.environ[RUN] = f"{re.sub('[^a-zA-Z0-9]', '-', socket.gethostname())}.{os.getpid()}.{int(time.time())}"
        _empty_with_every_flush()
        with _if_the_servers_answer():
            _sweep_dead_runs()
        atexit.register(_sweep_own, os.getpid(), os.environ[RUN])
    _begun = True
    return os.environ[RUN]


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
        if is_under_way(using):
            with _if_the_servers_answer():
                _delete(_of_database(using))
        return result

    BaseDatabaseOperations.execute_sql_flush = execute_sql_flush  # type: ignore[method-assign]


@contextlib.contextmanager
def _if_the_servers_answer() -> Iterator[None]:
    with contextlib.suppress(CachedemoError, ImproperlyConfigured):
        yield


def _sweep_own(pid: int, run: str) -> None:
    if os.getpid() == pid:  # not a forked child's to do
        with _if_the_servers_answer():
            _delete(f"test:{run}:")


def _sweep_dead_runs() -> None:
    for role in (CACHE, QUEUE):
        runs = {found[1] for key in _keys(role, "test:") if (found := re.match(rb"{?test:([^:]+):", key))}
        for each in runs:
            if not _is_alive(each.decode(errors="replace")):
                _delete(f"test:{each.decode(errors='replace')}:", [role])


def _is_alive(run: str) -> bool:
    host, _, rest = run.partition(".")
    pid, _, began = rest.partition(".")
    if not (pid.isdigit() and began.isdigit()):
        return True  # nobody's that we know
    if host != os.environ[RUN].partition(".")[0]:
        return time.time() - int(began) < FORGOTTEN_AFTER
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _delete(prefix: str, roles: Sequence[Role] = (CACHE, QUEUE)) -> None:
    for role in roles:
        keys = list(_keys(role, prefix))
        for start in range(0, len(keys), _SWEPT):
            role.unlink(keys[start : start + _SWEPT])


def _keys(role: Role, prefix: str) -> Iterator[bytes]:
    for pattern in (f"{prefix}*", f"{{{prefix}*"):  # slots, and the keys of queues
        for keys in role.scan(pattern, _SWEPT):
            yield from keys
