"""A RabbitMQ of our own, from the system's packages: a node with a name, ports and folders that nobody else has."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from cachedemo.embedded.server import HOST, ends_with_this_process, free_port
from tests.helpers import until

DEBIANS = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on PATH wants to become another user
CONTROL = DEBIANS.with_name("rabbitmqctl")
STARTS_WITHIN = 60.0


def find() -> str | None:
    return str(DEBIANS) if DEBIANS.exists() and shutil.which("epmd") else None


class RabbitMQ:
    """A broker on loopback with the user guest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # for the cookie
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "no-plugins"),
        }
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    def start(self) -> None:
        """Start the port mapper, which Erlang would leave behind, and the node."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "no-plugins").write_text("[].")
        self._run("epmd", "-port", self._environment["ERL_EPMD_PORT"])
        self._run(str(find()))
        until(self._answers, timeout=STARTS_WITHIN)

    def kill(self) -> None:
        self._stack.close()

    def control(self, *words: str) -> None:
        """Ask the node for something as its operator does."""
        subprocess.run([CONTROL, *words], env=self._environment, capture_output=True, timeout=STARTS_WITHIN, check=True)

    def _run(self, *command: str) -> None:
        with (self.folder / "output").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )
        self._stack.callback(process.wait)
        self._stack.callback(os.killpg, process.pid, signal.SIGKILL)  # the node is a child of its shell script

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=2) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(client.recv(1))
        return False
