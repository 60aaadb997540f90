"""What is noted of an instance while it is being saved. It is kept beside the instance, so that a copy or a pickle of
it that a receiver makes meanwhile does not take it along.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Notes(threading.local):
    """Those of one thread: (id of an instance, name) -> value. The instance lives for as long as its save lasts."""

    def __init__(self) -> None:
        self.noted: dict[tuple[int, str], Any] = {}


_notes = _Notes()


@contextmanager
def noted(instance: Any, name: str, value: Any) -> Iterator[None]:
    """Note something of an instance; a receiver may save the same instance meanwhile."""
    notes, key = _notes.noted, (id(instance), name)
    before = notes.get(key)
    notes[key] = value
    try:
        yield
    finally:
        if before is None:
            del notes[key]
        else:
            notes[key] = before


def note_of(instance: Any, name: str) -> Any:
    """Return what is noted of an instance under this name, None if nothing is."""
    return _notes.noted.get((id(instance), name))
