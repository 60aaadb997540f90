"""The note that an operator leaves at a queue when he switches off, and what a process makes of it.

It is shown to processes in the place of what is announced of their version, so it has the form of that.
"""

import contextlib
import json
import os
import time
from typing import NamedTuple

CLOSING, CLOSED = "closing", "closed"  # the second once no slot and no waiting write is left


class Note(NamedTuple):
    """Who has switched off, and when (seconds since the epoch).

    Attributes:
        state: CLOSING or CLOSED.
        run: of this time, and no other.
    """

    state: str
    since: float
    by: str
    run: str


def new(by: str) -> bytes:
    """Return a note that no other is equal to."""
    return _written(Note(CLOSING, time.time(), by, os.urandom(8).hex()))


def ended(raw: bytes) -> bytes:
    """Return the same note once the queue is closed for good."""
    return _written(_read(raw)._replace(state=CLOSED))


def parse(raw: bytes | None) -> Note | None:
    """Return what stands there; None if it is no note, but the record of a version."""
    if raw is None:
        return None
    with contextlib.suppress(ValueError, TypeError, KeyError):
        note = _read(raw)
        return note if note.state in (CLOSING, CLOSED) else None
    return None


def _read(raw: bytes) -> Note:
    said = json.loads(raw)
    return Note(said["state"], float(said["since"]), str(said["by"]), str(said["run"]))


def _written(note: Note) -> bytes:
    return json.dumps({**note._asdict(), "fields": []}).encode()
