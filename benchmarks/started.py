"""A server of the project's, or a worker, for as long as it is measured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cachedemo.embedded.server import HOST, ends_with_this_process

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds until it answers


@contextmanager
def started(
    module: Sequence[str], environment: Mapping[str, str], port: int | None = None, **options: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `python -m` with these words, wait until it answers at the port if it has one, and end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=os.environ | environment,
        start_new_session=True,  # Ctrl-C is for us, who end it
        preexec_fn=ends_with_this_process(),
        **options,
    )
    try:
        if port is not None:
            _wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
