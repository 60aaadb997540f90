"""A server whose wall clock can be set back while it runs."""

import os
import subprocess
from pathlib import Path
from typing import Literal
from unittest import mock

import redis

from cachedemo.embedded.server import EmbeddedServer
from tests.faults.disk import compiler
from tests.helpers import until

SOURCE = Path(__file__).with_name("clock.c")


class Clocked:
    """A server of the test's own; needs a C compiler and a dynamic linker that preloads."""

    def __init__(self, folder: Path, role: Literal["cache", "queue"]) -> None:
        self.server = EmbeddedServer(folder / role, role=role)
        self._offset = folder / f"{role}.offset"
        self._preload = folder / "clock.so"
        command = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(self._preload), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        environment = {"LD_PRELOAD": str(self._preload), "CLOCK_OFFSET": str(self._offset)}
        with mock.patch.dict(os.environ, environment):
            self.server.start()

    def set_back(self, seconds: int) -> None:
        """Return once the server tells the other time: it looks at its clock some times a second."""
        before = self._time()
        written = self._offset.with_suffix(".new")
        written.write_text(str(-seconds))
        written.replace(self._offset)
        until(lambda: self._time() < before - seconds / 2)

    def _time(self) -> int:
        with redis.Redis.from_url(self.server.url()) as client:
            return int(client.time()[0])
