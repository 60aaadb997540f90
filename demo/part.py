"""The processes of the demo: each can be started, watched and ended in the same way."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cachedemo.embedded.binary import ServerMissing
from cachedemo.embedded.server import EmbeddedServer, ServerFailed, ends_with_this_process
from demo.default_settings import ROOT
from demo.errors import DemoFailed

Running = subprocess.Popen[bytes]


class Part:
    """One process of the demo. It ends with the demo, even if that is killed with -9 (Linux)."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log

    @property
    def process(self) -> Running | None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def status(self) -> int:
        """The exit status; below zero, the signal that killed it."""
        return self.process.returncode if self.process else 0

    def send(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def how_it_ended(self) -> str:
        return f"killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"with status {self.status}"

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return "\n".join(lines[-12:])


class PythonPart(Part):
    """A Python process of this project, which is up as soon as `check` says so."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path, check: Callable[["PythonPart"], bool]) -> None:
        super().__init__(name, log)
        self.arguments = arguments
        self._check = check
        self._log_begins = 0
        self._process: Running | None = None

    @property
    def process(self) -> Running | None:
        return self._process

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=ROOT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo alone, which ends its parts in order
                preexec_fn=ends_with_this_process(),
            )

    def is_up(self) -> bool:
        return self._check(self)

    def has_said(self, text: str) -> bool:
        """Say whether `text` is in the log since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return text.encode() in log.read()


class ServerPart(Part):
    """One of the two embedded servers; it answers as soon as `start` returns."""

    def __init__(self, server: EmbeddedServer) -> None:
        super().__init__(f"{server.role} server", server.log)
        self.server = server

    @property
    def process(self) -> Running | None:
        return self.server.process

    def start(self) -> None:
        try:
            self.server.start()
        except (ServerMissing, ServerFailed) as error:
            raise DemoFailed(str(error)) from error
