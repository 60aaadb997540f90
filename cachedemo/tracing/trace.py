"""What one request did: every Redis command, SQL statement and queue event, in order, and the line that took it.

    with cachedemo.trace() as steps:
        users.get(1)
    for step in steps:
        print(step.server, step.command, step.purpose, step.took)

A trace sees its own context only: one request, one thread. While somebody watches, a recording client stands in for
each role's own; when the last watcher leaves, the plain clients are back, so that untraced requests cost nothing extra.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connections

from cachedemo.tracing.code_lines import Place
from cachedemo.tracing.cover import watching
from cachedemo.tracing.database import statements
from cachedemo.tracing.recorder import Recorder, Watch, recorders
from cachedemo.tracing.steps import Step, server_timing

__all__ = ["Place", "Step", "server_timing", "trace"]


@contextmanager
def trace(then: Watch | None = None) -> Iterator[list[Step]]:
    """Collect what this context does until the block ends; `then` is called after each step, in the same thread."""
    recorder = Recorder(then)
    with ExitStack() as stack:
        stack.enter_context(watching())
        for connection in connections.all():
            stack.enter_context(statements(connection, recorder))
        token = recorders.set((*recorders.get(), recorder))
        stack.callback(recorders.reset, token)
        yield recorder.steps
