"""A circuit breaker for one server in one process: pybreaker, kept off the path of a server that answers.

pybreaker holds its lock while it calls, so every command through it would wait for every other. Here a command passes
it only when the server has just failed, or to find out whether it is back.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

import pybreaker

T = TypeVar("T")

FAILURES = 3  # in a row, after which commands are refused at once
PAUSE = 0.5  # seconds until one command may try again


class Open(Exception):
    """Raised instead of sending while the server is believed to be down."""


class Breaker:
    """Closed while the server answers, open when it does not, half open while one command finds out.

    Args:
        counts: says of an exception whether it means that the server does not answer.
    """

    def __init__(self, counts: Callable[[BaseException], bool]) -> None:
        self._counts = counts
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=PAUSE,
            exclude=[lambda error: not counts(error)],
            throw_new_error_on_trip=False,
        )
        self._probe = threading.Lock()
        self.troubled = False  # whether commands must go through `call`; read before every one of them

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return self._breaker.current_state

    def note(self, error: Exception) -> None:
        """Count a failure of a command that was sent past `call`."""
        if self._counts(error):
            self.troubled = True
            self._pass_on(error)

    def call(self, send: Callable[[], T]) -> T:
        """Send while the server may answer. Raises Open where it may not, and whatever `send` raises."""
        if self.state == pybreaker.STATE_CLOSED:
            answer = send()  # whoever called notes its failure
            with contextlib.suppress(pybreaker.CircuitBreakerError):  # opened by another thread meanwhile
                self._breaker.call(lambda: None)  # forget the failures before it
        else:
            answer = self._try_again(send)
        self.troubled = self.state != pybreaker.STATE_CLOSED
        return answer

    def _try_again(self, send: Callable[[], T]) -> T:
        if not self._probe.acquire(blocking=False):
            raise Open("Another request is finding out whether it is back.")
        try:
            return self._breaker.call(send)
        except pybreaker.CircuitBreakerError as error:
            raise Open("It did not answer a moment ago.") from error
        finally:
            self._probe.release()

    def _pass_on(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with contextlib.suppress(pybreaker.CircuitBreakerError, type(error)):
            self._breaker.call(fail)
