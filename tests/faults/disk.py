"""A queue server on a disk that is slow, and loses on a power cut whatever was not synced."""

import os
import shutil
import subprocess
from pathlib import Path
from unittest import mock

from cachedemo.embedded.server import EmbeddedServer

SOURCE = Path(__file__).with_name("fsync.c")


def compiler() -> str | None:
    return shutil.which("gcc") or shutil.which("cc")


class Disk:
    """A server in the role of the queue; needs a C compiler and a dynamic linker that preloads.

    Args:
        policy: of `appendfsync`.
        delay_ms: how long each fsync takes once the disk is slow.
    """

    def __init__(self, folder: Path, policy: str, delay_ms: int = 0) -> None:
        self.server = EmbeddedServer(folder / "queue", role="queue", appendfsync=policy)
        self._log = folder / "synced"
        self._preload = folder / "fsync.so"
        self._slow = folder / "slow"
        self._environment = {
            "LD_PRELOAD": str(self._preload),
            "FSYNC_DELAY_MS": str(delay_ms),
            "FSYNC_SLOW": str(self._slow),
            "FSYNC_LOG": str(self._log),
        }
        command = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(self._preload), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        with mock.patch.dict(os.environ, self._environment):
            self.server.start()

    def is_slow(self, slow: bool) -> None:
        """Make the disk slow, or fast again."""
        if slow:
            self._slow.touch()
        else:
            self._slow.unlink(missing_ok=True)

    def synced(self) -> int:
        """Return how often something was synced."""
        return self._log.read_text().count("\n")

    def kill(self) -> None:
        """The process ends at once; what it has given to the kernel stays."""
        self.server.kill()

    def cut_power(self) -> int:
        """End the server and take from its log what was never synced; return how many bytes that was."""
        self.server.kill()
        synced = dict(map(int, line.split()) for line in self._log.read_text().splitlines())
        return sum(_truncate(path, synced) for path in (self.server.directory / "appendonlydir").glob("*.incr.aof"))

    def stop(self) -> None:
        self.is_slow(False)
        self.server.kill()


def _truncate(path: Path, synced: dict[int, int]) -> int:
    file = path.stat()
    left = min(synced.get(file.st_ino, 0), file.st_size)
    os.truncate(path, left)
    return file.st_size - left
