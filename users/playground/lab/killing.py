"""A process that is killed in the middle of its work, as by the kernel: SIGKILL, no last words."""

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from cachedemo import trace
from cachedemo.embedded import end_with_parent
from cachedemo.trace import Step
from users.playground.lab.actors import NeverCame, Reached


def killed_after(work: Callable[[], Any], reached: Reached) -> list[str]:
    """Do the work in a process of its own, and kill that after the step; return the commands it sent."""
    connections.close_all()
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work_until_killed(work, reached, writer, parent)
    os.close(writer)
    with os.fdopen(reader) as told:
        lines = told.read().split("\n")
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise NeverCame("The process ended before the step it was to be killed after.")
    return [line for line in lines if line]


def _work_until_killed(work: Callable[[], Any], reached: Reached, pipe: int, parent: int) -> None:
    end_with_parent(parent)

    def gate(step: Step) -> None:
        os.write(pipe, f"{step.server} {step.command}\n".encode())
        if reached(step):
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with trace(gate):
            work()
    finally:
        os._exit(1)
