"""Which runs on throwaway rows are under way: a file each, held by its process until that ends, however it does.

A file that nobody holds is that of a run that was killed, or could not take everything away: it says which rows.
"""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from cachedemo.embedded.held_files import hold, is_held
from playground import keep

KIND = "throwaway"
PREFIX = "throwaway"
STALE = 900  # seconds after which a run of another machine, whose file is not here, is over; none takes as long
_TOKEN = re.compile(PREFIX + r"-([0-9a-f]{8})[0-9a-f]{6}")


class Run:
    """A run, from the moment before it makes its rows. Its token says when that was, and is in all that it makes."""

    def __init__(self) -> None:
        self.token = f"{PREFIX}-{int(time.time()):08x}{secrets.token_hex(3)}"
        self._file: IO[str] | None = None

    def begin(self) -> Self:
        """Let others see that it is under way; a disk that takes no file is no reason not to go on."""
        with contextlib.suppress(OSError):
            self._file = hold(keep.folder(KIND) / self.token)
        return self

    def note(self, pks: Sequence[int]) -> None:
        """Keep which rows it has, for whoever has to take their keys away once the rows are gone."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                json.dump(list(pks), self._file)
                self._file.flush()

    def end(self, nothing_is_left: bool) -> None:
        """Say that it is over; where something is left, its file stays, so that it is come back to."""
        if nothing_is_left:
            forget(self.token)
        if self._file is not None:
            self._file.close()


def over() -> list[str]:
    """Return the tokens of this machine's runs that have ended and left something."""
    return [path.name for path in keep.place_of(KIND).glob(f"{PREFIX}-*") if not is_held(path)]


def is_over(token: str) -> bool:
    """Say whether nobody is at work on what has this token."""
    if _file(token).exists():
        return not is_held(_file(token))
    made = _TOKEN.fullmatch(token)
    return made is None or int(made[1], 16) < time.time() - STALE


def token_in(text: str) -> str | None:
    """Return the token in a key or an email; None if there is none."""
    found = _TOKEN.search(text)
    return found[0] if found else None


def noted(token: str) -> list[int]:
    """Return the rows that a run has noted."""
    try:
        return [int(pk) for pk in json.loads(_file(token).read_text())]
    except (OSError, ValueError):
        return []


def forget(token: str) -> None:
    """Drop the file of a run that has left nothing, or nothing any more."""
    with contextlib.suppress(OSError):
        _file(token).unlink()


def _file(token: str) -> Path:
    return keep.place_of(KIND) / token
