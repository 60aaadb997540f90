"""Asking for a flush without waiting for the broker: one slot for each queue, one background thread."""

import logging
import os
import threading
from collections.abc import Callable

from cachedemo.servers import test_runs

logger = logging.getLogger(__name__)

_asked: set[str] = set()
_something_asked = threading.Event()
_thread: threading.Thread | None = None
_ask: Callable[[str], None] | None = None


def ask_with(ask: Callable[[str], None]) -> None:
    """Say how a flush of a queue is asked for; done once, by the module that knows Celery."""
    global _ask
    _ask = ask


def wake(queue_name: str) -> None:
    """Ask for a flush soon and return at once. A request for the same queue that is already waiting is enough."""
    if _ask is None or test_runs.is_under_way():  # nothing of a test goes to the broker
        return
    _asked.add(queue_name)
    _something_asked.set()
    if _thread is None:
        _start()


def _start() -> None:
    global _thread
    thread = threading.Thread(target=_serve, name="cachedemo-wake", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no thread can start now: what was written stays written, and beat asks too
        logger.warning("Could not ask for a flush: %s", error)
    else:
        _thread = thread


def _serve() -> None:
    while True:
        _something_asked.wait()
        _something_asked.clear()
        while _asked:
            _try(_asked.pop())


def _try(queue_name: str) -> None:
    try:
        assert _ask is not None
        _ask(queue_name)
    except Exception as error:  # noqa: BLE001  whatever a broker's client raises: beat asks again within a second
        logger.warning("Could not ask for a flush of %s: %s", queue_name, error)


def _forget_thread() -> None:
    global _thread, _something_asked
    _thread, _something_asked = None, threading.Event()
    _asked.clear()


os.register_at_fork(after_in_child=_forget_thread)
