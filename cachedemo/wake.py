"""Asking for a flush without waiting for the broker: one slot, one background thread."""

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

_slot: "queue.Queue[str]" = queue.Queue(maxsize=1)
_thread: threading.Thread | None = None
_ask: Callable[[str], None] | None = None


def ask_with(ask: Callable[[str], None]) -> None:
    """Say how a flush of a queue is asked for; done once, by whoever knows Celery."""
    global _ask
    _ask = ask


def wake(queue_name: str) -> None:
    """Ask for a flush soon and return at once. A request that is already waiting is enough for all."""
    global _thread
    if _ask is None:
        return
    if _thread is None:
        _thread = threading.Thread(target=_serve, name="cachedemo-wake", daemon=True)
        _thread.start()
    with contextlib.suppress(queue.Full):
        _slot.put_nowait(queue_name)


def _serve() -> None:
    while True:
        queue_name = _slot.get()
        try:
            assert _ask is not None
            _ask(queue_name)
        except Exception as error:  # noqa: BLE001  whatever a broker's client raises: beat asks again within a second
            logger.warning("Could not ask for a flush of %s: %s", queue_name, error)


def _forget_thread() -> None:
    global _thread, _slot
    _thread, _slot = None, queue.Queue(maxsize=1)


os.register_at_fork(after_in_child=_forget_thread)
