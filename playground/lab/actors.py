"""Forcing one order of events on real code and real servers: who goes how far.

An actor is a thread that is stopped after one of its own steps. It is the trace that stops it, so the code under it
is the code that everybody runs.
"""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections

from cachedemo import trace
from cachedemo.tracing.trace import Step

PATIENCE = 20.0  # seconds
Reached = Callable[[Step], bool]
Tell = Callable[[str, Step], None]


class NeverCame(Exception):
    """Raised when an actor ends without the step that it was to be stopped after."""


def at(server: str, word: str = "") -> Reached:
    """Return whether a step went to this server; `word` is in its command."""
    return lambda step: step.server == server and word in step.command


class Actor:
    """Runs only while somebody waits for it in `until` or `finish`."""

    def __init__(self, name: str, work: Callable[[], Any], tell: Tell) -> None:
        self.name = name
        self._work = work
        self._tell = tell
        self._goal: Reached | None = None
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._stopped = False
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = False

    def until(self, reached: Reached) -> None:
        """Go on until a step is done for which `reached` holds."""
        self._goal = reached
        self._go()
        if not self._stopped:
            raise NeverCame(f"{self.name} ended before the step it was to be stopped after: {self._error!r}")

    def finish(self) -> Any:
        """Go on to the end; return what the work returned, or raise what it raised."""
        self._goal = None
        self._go()
        if self._error is not None:
            raise self._error
        return self._result

    def _go(self) -> None:
        self._stopped = False
        if self._started:
            self._turn.release()
        else:
            self._started = True
            self._thread.start()
        if not self._back.acquire(timeout=PATIENCE):
            raise NeverCame(f"{self.name} hangs.")

    def _run(self) -> None:
        try:
            with trace(self._gate):
                self._result = self._work()
        except BaseException as error:  # noqa: BLE001  raised by `finish`, in the thread that waits
            self._error = error
        finally:
            connections.close_all()
            self._back.release()

    def _gate(self, step: Step) -> None:
        self._tell(self.name, step)
        if self._goal is not None and self._goal(step):
            self._stopped = True
            self._back.release()
            self._turn.acquire()
