"""Long work in a process of its own, told as lines of JSON into a file that any web process can read."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cachedemo.embedded.held_files import is_held
from playground import keep

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 2  # runs of one kind; more would only measure each other

Event = dict[str, Any]

_started: list[subprocess.Popen[bytes]] = []  # looked at, so that none stays a zombie


class Busy(Exception):
    """Raised when as many runs as may be are under way."""


def start(kind: str, arguments: Sequence[str]) -> str:
    """Start `python …arguments`, which writes events to its output, and return the id of the run.

    Raises:
        Busy: others are under way.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    if len(_started) >= AT_ONCE:
        raise Busy
    run = keep.new_id()
    path = keep.folder(kind) / f"{run}.jsonl"
    with path.open("wb") as output:
        fcntl.flock(output, fcntl.LOCK_EX)  # held by the run until it ends, however it does
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    _started.append(process)
    keep.prune(kind)
    return run


def events(kind: str, run: str) -> tuple[list[Event], bool] | None:
    """Return what a run has told, and whether it goes on; None if there is no such run."""
    path = keep.path_of(kind, run, "jsonl")
    if path is None or not path.exists():
        return None
    going = is_held(path)
    lines = path.read_text(errors="replace").split("\n")[:-1]  # what stands after the last newline is not whole
    return [json.loads(line) for line in lines if line.startswith("{")], going
