"""Processes of the tests' own, and what the system says of processes."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachedemo.embedded.server import ends_with_this_process
from tests.environment import ROOT
from tests.helpers import until


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and only waits for its parent to look does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # gone since, or a system without /proc


def children_of(parent: int) -> dict[int, str]:
    """Return the command lines of a process's children."""
    return {pid: command for pid, ppid, command in _processes() if ppid == parent}


def _processes() -> Iterator[tuple[int, int, str]]:
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        for pid, ppid, *command in (line.split(None, 2) for line in listing.splitlines()):
            yield int(pid), int(ppid), " ".join(command)
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            ppid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(folder.name), ppid, (folder / "cmdline").read_text().replace("\0", " ")


class Process(subprocess.Popen[str]):
    """A Python of our own on the test database and servers; it ends with the tests at the latest.

    What it writes, errors included, can be read from `output()` while it runs, and is shown when `finish` fails.
    """

    def __init__(self, *arguments: str, log: Path, folder: Path = ROOT, **environment: str) -> None:
        self.log = log
        with log.open("w") as stream:
            super().__init__(
                [sys.executable, *arguments],
                cwd=folder,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, timeout: float = 30.0) -> None:
        """Wait until the process has written `text`; fail at once if it ends without."""

        def said() -> bool:
            ended = self.poll() is not None
            if text in self.output():
                return True
            if ended:
                pytest.fail(f"It ended with {self.returncode} and never said {text!r}:\n{self.output()}")
            return False

        until(said, timeout)

    def finish(self, timeout: float = 30.0) -> str:
        """Wait for the end and return the output; fail unless it ended well."""
        status = self.wait(timeout)
        assert status == 0, f"It ended with {status}:\n{self.output()}"
        return self.output()

    def end(self, timeout: float = 15.0) -> None:
        """Ask the process to end; kill it if it does not in time."""
        self.terminate()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
