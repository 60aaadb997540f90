"""A circuit breaker for one server in one process: pybreaker, kept off the path of a server that answers.

pybreaker holds its lock while it calls, so every command through it would wait for every other. Here a command passes
it only when the server has just failed. Whether it is back a thread finds out: a request would wait for a server that
sleeps as long as its timeouts say.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pybreaker

from cachedemo import conf

T = TypeVar("T")

FAST = 0.05  # seconds: the longest failure that a writer which insists can bear


class Open(Exception):
    """Raised instead of sending while the server is believed to be down."""


class Breaker:
    """Closed while the server answers, open when it does not, half open while a thread looks whether it is back.

    Args:
        ping: asks the server anything; whatever it raises tells what is wrong.
        counts: says of an exception whether it means that the server does not answer.
        at_once: says of such an exception whether it was immediate, as a refused connection is, and no timeout.
        opened: called each time that a failure has opened it.
    """

    def __init__(
        self,
        ping: Callable[[], object],
        counts: Callable[[BaseException], bool],
        at_once: Callable[[BaseException], bool],
        opened: Callable[[], object] = lambda: None,
    ) -> None:
        self._ping = ping
        self._counts = counts
        self._at_once = at_once
        self._opened = opened
        self._fails_fast = False  # whether the last failure was immediate
        self._breaker = pybreaker.CircuitBreaker(
            exclude=[lambda error: not counts(error)],
            throw_new_error_on_trip=False,
        )
        self._watching = threading.Lock()
        self._watcher: threading.Thread | None = None
        self.troubled = False  # whether commands must go through `call`; read before every one of them

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return self._breaker.current_state

    def note(self, error: Exception, *, is_certain: bool = False) -> None:
        """Count a failure of a command.

        Args:
            is_certain: that the server is of no use, so that there need not be more failures.
        """
        if not self._counts(error):
            return
        self.troubled = True
        self._breaker.fail_max = 1 if is_certain else conf.get_valid("BREAKER_FAILURES")
        if self.state == pybreaker.STATE_CLOSED:
            self._fails_fast = self._at_once(error)
            self._pass_on(error)
            if self.state != pybreaker.STATE_CLOSED:
                self._opened()
        else:
            self._fails_fast = self._fails_fast and self._at_once(error)
        if self.state != pybreaker.STATE_CLOSED:
            self._watch()

    def call(self, send: Callable[[], T], *, insist: bool = False) -> T:
        """Send while the server may answer; the caller notes a failure.

        Args:
            insist: send also where it may not, as long as it costs no timeout to be told so again.

        Raises:
            Open: the server is believed to be down. And whatever `send` raises.
        """
        if self.state == pybreaker.STATE_CLOSED:
            answer = send()
            with contextlib.suppress(pybreaker.CircuitBreakerError):  # opened by another thread meanwhile
                self._breaker.call(lambda: None)  # forget the failures before it
        elif insist and self._fails_fast:
            answer = send()
            self._breaker.close()
        else:
            self._watch()
            raise Open
        self.troubled = self.state != pybreaker.STATE_CLOSED
        return answer

    def _watch(self) -> None:
        """Let a thread look whether the server is back, unless one does."""
        with self._watching:
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._look, name="cachedemo-breaker", daemon=True)
                with contextlib.suppress(RuntimeError):  # no thread can start now: the next refusal tries again
                    self._watcher.start()

    def _look(self) -> None:
        while True:
            time.sleep(conf.get_valid("BREAKER_PAUSE"))
            if self.state == pybreaker.STATE_CLOSED:  # a writer has found out
                return
            self._breaker.half_open()  # pybreaker itself would look at the wall clock, which may be set back
            with contextlib.suppress(Exception):
                self._breaker.call(self._ask)

    def _ask(self) -> None:
        begun = time.monotonic()
        try:
            self._ping()
        except Exception as error:
            self._fails_fast = self._at_once(error) and time.monotonic() - begun < FAST
            raise

    def _pass_on(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with contextlib.suppress(pybreaker.CircuitBreakerError, type(error)):
            self._breaker.call(fail)
