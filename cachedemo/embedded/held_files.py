"""A file that a process holds: the system lets go of it when the process ends, however it does."""

import fcntl
from pathlib import Path
from typing import IO


def hold(path: Path) -> IO[str]:
    """Make a file that this process holds until it closes it or ends; nobody ever sees it without its holder.

    Raises:
        OSError: the disk does not take it.
    """
    new = path.with_name(f".{path.name}")
    file = new.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(path)
    except OSError:
        file.close()
        raise
    return file


def is_held(path: Path) -> bool:
    """Say whether a process holds this file; False if there is none."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
