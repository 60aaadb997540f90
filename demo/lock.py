"""One demo a folder: two would write the same files."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from demo.errors import DemoFailed


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold `path` for this process; the system lets go of it however the process ends."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DemoFailed(
                f"A demo already runs in {path.parent} (process {file.read().strip() or 'unknown'}): stop it with "
                "Ctrl-C, or set CACHEDEMO_VAR to another folder for a second one."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
