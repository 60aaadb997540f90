"""A process that is killed in the middle of its work, as by the kernel: SIGKILL, no last words."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from cachedemo import trace
from cachedemo.embedded.server import end_with_parent
from cachedemo.tracing.trace import Step
from playground.lab.actors import NeverCame, Reached


def killed_after(work: Callable[[], Any], reached: Reached) -> list[dict[str, str]]:
    """Do the work in a process of its own, and kill that after the step; return what it did."""
    connections.close_all()
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work_until_killed(work, reached, writer, parent)
    os.close(writer)
    with os.fdopen(reader) as told:
        lines = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise NeverCame("The process ended before the step it was to be killed after.")
    return [json.loads(line) for line in lines]


def _work_until_killed(work: Callable[[], Any], reached: Reached, pipe: int, parent: int) -> None:
    end_with_parent(parent)

    def gate(step: Step) -> None:
        told = {"server": step.server, "command": step.command, "purpose": step.purpose}
        os.write(pipe, json.dumps(told).encode() + b"\n")
        if reached(step):
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with trace(gate):
            work()
    finally:
        os._exit(1)
