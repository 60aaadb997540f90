"""What Compose would start, started as processes of this machine: a stand-in for Docker where there is none.

From the files come the commands, environments, health checks, and who waits for whom. Each service has a loopback
address of its own, in the place of its name and of the address that it has in its network. What the images of
PostgreSQL and RabbitMQ do by themselves is done by our own; volumes are folders, and what keeps a container in (users,
memory, read-only disks) is not there.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import yaml

from cachedemo.embedded.binary import find_server
from cachedemo.embedded.server import HOST, ends_with_this_process
from tests.faults.postgres import Postgres
from tests.helpers import until
from tests.rabbitmq import RabbitMQ

ROOT = Path(__file__).resolve().parents[2]
ROLE = ("CREATE ROLE cachedemo LOGIN", "CREATE DATABASE cachedemo OWNER cachedemo")
PORTS = {"queue": "6380"}  # where it is another than 6379: all loopback addresses count as one host
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::[-?]([^}]*))?\})")


class Composed(contextlib.ExitStack):
    """The services of some files, each over those before it.

    Args:
        variables: what the files take from the environment.
    """

    def __init__(self, folder: Path, *files: Path, **variables: str) -> None:
        super().__init__()
        self.folder = folder
        self.network = f"127.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}."
        self.variables = variables
        self.services: dict[str, dict[str, Any]] = {}
        for file in files:
            _lay_over(self.services, yaml.safe_load(file.read_text())["services"])
        self.addresses = {name: f"{self.network}{100 + number}" for number, name in enumerate(self.services)}
        for name, service in self.services.items():
            with contextlib.suppress(KeyError, TypeError):
                own = service["networks"]["default"]["ipv4_address"]
                self.addresses[name] = self.network + own.rpartition(".")[2]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "valkey-server").symlink_to(find_server())
        client = shutil.which("valkey-cli") or shutil.which("redis-cli")
        assert client, "redis-cli is not installed"
        (programs / "valkey-cli").symlink_to(client)
        self.path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.folder.chmod(0o755)  # root may not run PostgreSQL, and another account must get there
        self.postgres = self.enter_context(Postgres(self.folder / "postgres"))
        self.rabbitmq = self.enter_context(RabbitMQ(self.folder / "rabbitmq"))
        self._have_role()
        return self

    def _have_role(self) -> None:
        import psycopg

        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            for statement in ROLE:
                connection.execute(statement.encode())

    def start(self, name: str) -> None:
        """Start a service once all that it depends on are as far as it wants them."""
        service = self.services[name]
        if name in self.processes:
            return
        for other, wants in service.get("depends_on", {}).items():
            self.start(other)
            if wants["condition"] == "service_completed_successfully":
                status = self.processes[other].wait(60)
                assert status == 0, self.log(other)
            else:
                until(lambda other=other: self.is_healthy(other), timeout=60)  # type: ignore[misc]
        if name not in ("database", "broker"):
            self.processes[name] = self._popen(name, self._command(name))
            self.callback(self._end, name)

    def _end(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def is_healthy(self, name: str) -> bool:
        """Say whether the service's health check passes; true if it has none."""
        kind, *words = self.services[name].get("healthcheck", {}).get("test", ("NONE",))
        if kind == "NONE" or name == "broker":  # the broker's has no name for our own; it answers already
            return True
        if words[0] == "valkey-cli":
            words[1:1] = ["-h", self.addresses[name], "-p", PORTS.get(name, "6379")]
        if words[0] == "pg_isready":
            words += ["--host", HOST, "--port", str(self.postgres.port)]
        return self._popen(name, words if kind == "CMD" else ["sh", "-c", *words]).wait(60) == 0

    def run(self, name: str, *words: str) -> str:
        """Run a command where a service runs; return what it wrote. It must end well."""
        assert self._popen(name, list(words)).wait(60) == 0, self.log(name)
        return self.log(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _command(self, name: str) -> list[str]:
        image = re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        words = list(self.services[name].get("command") or json.loads(image[-1]))
        if words[0] == "valkey-server":
            own = self.addresses[name]
            words += ["--bind", own, "--bind-source-addr", own, "--port", PORTS.get(name, "6379")]
        return words

    def _popen(self, name: str, words: list[str]) -> "subprocess.Popen[bytes]":
        data = self.folder / name
        data.mkdir(exist_ok=True)
        stated = self.services[name].get("environment", {})
        environment = {"PATH": self.path, "HOSTNAME": os.uname().nodename, "BIND": f"{self.addresses['web']}:8000"}
        environment |= {key: self._here(name, value) for key, value in stated.items()}
        is_ours = self.services[name].get("image") == "cachedemo:latest"
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [self._here(name, word) for word in words],
                cwd=ROOT if is_ours else data,
                env=environment | {"CACHEDEMO_VAR": str(self.folder / "var")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )

    def _here(self, name: str, word: str) -> str:
        """Return a word of the files as it is on this machine."""
        for old, new in self._replaced(name):
            word = word.replace(old, new)
        return VARIABLE.sub(lambda found: self._variable(*found.groups()), word)

    def _replaced(self, name: str) -> Iterator[tuple[str, str]]:
        yield "@database:5432", f"@{HOST}:{self.postgres.port}"
        yield "@broker:5672", f"@{HOST}:{self.rabbitmq.port}"
        yield "127.0.0.1:8000", f"{self.addresses['web']}:8000"
        yield "172.30.0.", self.network
        yield "/data", str(self.folder / name)
        yield "/srv/var", str(self.folder / "var")
        for role in ("cache", "queue"):
            yield f"//{role}:6379", f"//{self.addresses[role]}:{PORTS.get(role, '6379')}"

    def _variable(self, name: str | None, otherwise: str | None) -> str:
        return "$" if name is None else self.variables.get(name, otherwise or "")

    def stop(self, name: str, timeout: float) -> int:
        """Ask a service to end, as Compose does; return its status."""
        os.kill(self.processes[name].pid, signal.SIGTERM)
        return self.processes[name].wait(timeout)


def _lay_over(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            below[key] = below[key].copy()  # files share parts by their anchors
            _lay_over(below[key], value)
        else:
            below[key] = value
