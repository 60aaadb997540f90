"""Servers that are really not there: the address leads to a port that refuses, or to one that says nothing."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.test.utils import override_settings

from cachedemo.servers import test_runs
from cachedemo.servers.roles import CACHE, QUEUE, Role

HOST = "127.0.0.1"
_BACKLOG = 128  # connections that the system takes for a port that accepts none


@contextmanager
def broken_cache(*, silent: bool = False) -> Iterator[None]:
    """Have the cache server unreachable inside of this: each command gets the error of a real connection.

    It is for the whole process. When it ends, the server is there as it was, and its breaker is closed.

    Args:
        silent: the server takes connections and never answers, so each command waits for `CACHEDEMO["TIMEOUT"]`, until
            the breaker opens; else it refuses connections at once.
    """
    with _broken(CACHE, silent):
        yield


@contextmanager
def broken_queue(*, silent: bool = False) -> Iterator[None]:
    """Have the queue server unreachable inside of this. See `broken_cache`."""
    with _broken(QUEUE, silent):
        yield


@contextmanager
def _broken(role: Role, silent: bool) -> Iterator[None]:
    with socket.socket() as nobody, contextlib.ExitStack() as stack:
        nobody.bind((HOST, 0))  # without `listen` the port is taken, and refuses
        if silent:
            nobody.listen(_BACKLOG)
        url = f"redis://{HOST}:{nobody.getsockname()[1]}/0"
        stack.enter_context(test_runs.in_use())
        there = {role.setting: url, f"{role.name.upper()}_OPTIONS": {}}
        stack.enter_context(override_settings(CACHEDEMO={**settings.CACHEDEMO, **there}))
        yield
