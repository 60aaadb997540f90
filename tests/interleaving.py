"""Forcing one interleaving of several actors on the real code, the real servers and the real database.

An actor is a thread that stops before each step of the protocol: a Redis command or script, a statement or
transaction of the source. The test says who goes how far.

    with interleaving() as actor:
        writer = actor(lambda: notes.update(1, title="new"))
        writer.until("commit")      # it has marked and stamped
        ...
        writer.kill()               # or .step("commit"), or .finish()

Steps: get, lease, pending, row, fill; mark, stamp, commit, finish, unmark, settle_up; stamp_many,
settle_up_many; bulk (before an update of many rows begins); enqueue, publish; reap, claim,
settle, ack, ack_and_claim, bury; row_by_value; drop (emptying slots whatever they hold), owe.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.db import connections

from cachedemo.patterns import bulk_update
from cachedemo.patterns.saving import Save
from cachedemo.protocol import database, rows_by_value, transactions
from cachedemo.servers import roles

PATIENCE = 20.0  # seconds; only a test that fails waits so long

_COMMANDS = {"GET": "get", "SET": "lease", "MGET": "get", "UNLINK": "drop", "HGETALL": "pending", "HSETNX": "announce"}
_current = threading.local()


class Killed(BaseException):
    """Goes past every `except Exception`, as SIGKILL does."""


class Actor:
    """One thread under the test's control. It runs only while the test waits for it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._goal: str | None = "start"
        self._free = self._killed = False
        self.at: str | None = "start"
        self.steps: list[str] = []
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait()

    def until(self, step: str) -> "Actor":
        """Run until it is about to take `step`."""
        if self.at != step:
            self._go(step)
            assert self.at == step, f"It never came to {step!r}; it took {self.steps} and then {self._error!r}"
        return self

    def try_until(self, step: str) -> "Actor":
        """Run until it is about to take `step`, or to the end if it never does."""
        if self.at not in (step, None):
            self._go(step)
        return self

    def step(self, step: str) -> "Actor":
        """Run until it has taken `step`, and is about to take the next."""
        self.until(step)
        self._go(None)
        return self

    def finish(self) -> Any:
        """Run to the end; return what the work returned, or raise what it raised."""
        if self.at is not None:
            self._free = True
            self._go(None)
        if self._error is not None:
            raise self._error
        return self._result

    def kill(self) -> None:
        """It takes no further step."""
        self._killed = True
        if self.at is not None:
            self._go(None)

    def _go(self, goal: str | None) -> None:
        self._goal = goal
        self._turn.release()
        self._wait()

    def _wait(self) -> None:
        assert self._back.acquire(timeout=PATIENCE), f"It hangs after {self.steps}"

    def _run(self) -> None:
        _current.actor = self
        try:
            self.gate("start")
            self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()
            self.at = None
            self._back.release()

    def gate(self, step: str) -> None:
        """Called by the actor itself before a step: wait here if the test wants it to."""
        if self._killed:
            raise Killed
        if not self._free and self._goal in (None, step):
            self.at = step
            self._back.release()
            self._turn.acquire()
            if self._killed:
                raise Killed
        self.steps.append(step)


def _gate(step: str) -> None:
    actor = getattr(_current, "actor", None)
    if actor is not None:
        actor.gate(step)


def _before(owner: Any, name: str, step_of: Callable[..., str | None]) -> Any:
    original = getattr(owner, name)

    def gated(*arguments: Any, **options: Any) -> Any:
        step = step_of(*arguments)
        if step is not None:
            _gate(step)
        return original(*arguments, **options)

    return mock.patch.object(owner, name, gated)


@contextlib.contextmanager
def interleaving() -> Iterator[Callable[[Callable[[], Any]], Actor]]:
    """Put a gate before each step, and end every actor when the test is over."""
    actors: list[Actor] = []

    def actor(work: Callable[[], Any]) -> Actor:
        actors.append(Actor(work))
        return actors[-1]

    with contextlib.ExitStack() as stack:
        stack.enter_context(_before(roles.Role, "script", lambda role, script, *rest: script.name))
        stack.enter_context(mock.patch.object(roles.Role, "begin_script", at_once))
        stack.enter_context(_before(roles.Role, "script_for_each", lambda role, script, *rest: script.name))
        stack.enter_context(_before(roles.Role, "get", lambda *rest: "get"))
        stack.enter_context(_before(roles.Role, "get_many", lambda *rest: "get"))
        stack.enter_context(_before(roles.Role, "unlink", lambda *rest: "drop"))
        stack.enter_context(_before(roles.Role, "scan", lambda *rest: "SCAN"))
        stack.enter_context(_before(roles.Role, "command", lambda role, word, *rest: _COMMANDS.get(word, word)))
        stack.enter_context(_before(roles.Role, "pipeline", _pipeline_step))
        stack.enter_context(_before(database, "select", lambda *rest: "row"))
        stack.enter_context(_before(database, "select_many", lambda *rest: "row"))
        stack.enter_context(_before(rows_by_value, "named", lambda *rest: "row_by_value"))
        stack.enter_context(_before(transactions, "writing", lambda *rest: "commit"))
        stack.enter_context(_before(bulk_update, "change", lambda *rest: "bulk"))
        stack.enter_context(_before(Save, "_attempt", lambda *rest: "commit"))
        try:
            yield actor
        finally:
            for each in actors:
                each.kill()


def at_once(role: Any, script: Any, keys: Any, arguments: Any) -> None:
    """In the place of `begin_script`: a mark that comes before the stamp."""
    role.script(script, keys, arguments, insist=True)


def late(role: Any, script: Any, keys: Any, arguments: Any) -> Callable[[], Any]:
    """In the place of `begin_script`: a mark that comes after the stamp."""
    return lambda: role.script(script, keys, arguments, insist=True)


def _pipeline_step(role: Any, commands: Any) -> str:
    word, *keys = commands[0]
    return "pending" if "}:row:" in str(keys) else _COMMANDS.get(word, word)
