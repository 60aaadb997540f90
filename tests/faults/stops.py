"""A process that stops itself right before its Nth step: killed as by SIGKILL from outside, or paused.

A step is whatever leaves the process: a Redis command, script or pipeline, an SQL statement, a COMMIT. Stopping before
each of them is stopping everywhere that anybody else can see.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from cachedemo.servers.roles import Role


class Steps:
    """Counts the steps of this process and stops it before one of them."""

    def __init__(self, stop_before: int, number: int = signal.SIGKILL, kill_before: int = 0) -> None:
        self.stops = {kill_before: signal.SIGKILL, stop_before: number}
        self.signal = number
        self.taken: list[str] = []

    def take(self, name: str) -> None:
        """Count a step. Nobody pauses inside a transaction: the lock that it holds would stop everybody."""
        if self.signal != signal.SIGKILL and not connection.autocommit:
            return
        self.taken.append(name)
        if number := self.stops.get(len(self.taken)):
            os.kill(os.getpid(), number)

    def sql(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.take(sql.split(None, 1)[0])
        return execute(sql, *rest)

    def before(self, owner: Any, name: str, step_of: Callable[..., str]) -> Any:
        original = getattr(owner, name)

        def stopping(*arguments: Any, **options: Any) -> Any:
            self.take(step_of(*arguments))
            return original(*arguments, **options)

        return mock.patch.object(owner, name, stopping)


@contextlib.contextmanager
def steps(stop_before: int, number: int = signal.SIGKILL, kill_before: int = 0) -> Iterator[list[str]]:
    """Stop this process before its step `stop_before` (from 1; 0 is never); yields the steps taken.

    Args:
        number: the signal; SIGSTOP pauses.
        kill_before: a later step before which it is killed, once it has gone on.
    """
    connection.ensure_connection()
    counter = Steps(stop_before, number, kill_before)
    with contextlib.ExitStack() as stack:
        stack.enter_context(counter.before(Role, "script", lambda role, script, *rest: script.name))
        stack.enter_context(counter.before(Role, "script_for_each", lambda role, script, *rest: script.name))
        stack.enter_context(counter.before(Role, "get", lambda *rest: "GET"))
        stack.enter_context(counter.before(Role, "get_many", lambda *rest: "MGET"))
        stack.enter_context(counter.before(Role, "unlink", lambda *rest: "UNLINK"))
        stack.enter_context(counter.before(Role, "command", lambda role, *words: str(words[0])))
        stack.enter_context(counter.before(Role, "pipeline", lambda role, commands: f"{next(iter(commands))[0]}..."))
        stack.enter_context(counter.before(BaseDatabaseWrapper, "commit", lambda wrapper: "COMMIT"))
        stack.enter_context(connection.execute_wrapper(counter.sql))
        yield counter.taken


@contextlib.contextmanager
def packets(stop_before: int) -> Iterator[list[str]]:
    """The same for code that talks to Redis past the roles: before each packet that is sent."""
    from redis.connection import AbstractConnection

    counter = Steps(stop_before)
    with counter.before(AbstractConnection, "send_packed_command", lambda *rest: "packet"):
        yield counter.taken
