"""How a page asks the demo to kill or pause one of its parts.

The pages never see a process id. They drop a file that names a part and an action into a folder of the demo's own;
the supervisor, which started the part and holds its handle, does it, and writes down how each part is.

`CACHEDEMO_DEMO_CONTROL` names the folder; only `manage.py demo` sets it, for its own children.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from demo.part import Part

FOLDER = "CACHEDEMO_DEMO_CONTROL"
ACTIONS = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
OFFERED = {
    "worker": ("kill", "pause", "resume"),
    "cache server": ("kill",),
    "queue server": ("kill",),
}

States = dict[str, tuple[str, float]]  # part -> "runs", "paused" or "down", and since when


# The page's end


def is_there() -> bool:
    """Say whether this process belongs to a demo."""
    return bool(os.environ.get(FOLDER)) and Path(os.environ[FOLDER]).is_dir()


def ask(part: str, action: str) -> None:
    """Ask the demo to do it. Raises ValueError if it is not among what is offered."""
    if action not in OFFERED.get(part, ()):
        raise ValueError(f"Nobody offers to {action} {part!r}.")
    if is_there():
        (Path(os.environ[FOLDER]) / _file(part, action)).touch()


def states() -> States:
    """Return how each part is, as the demo has last written it down."""
    try:
        return json.loads((Path(os.environ[FOLDER]) / "states.json").read_text())
    except (KeyError, OSError, ValueError):
        return {}


def _file(part: str, action: str) -> str:
    return f"{part.replace(' ', '-')}.{action}"


# The demo's end


class Control:
    """What the supervisor looks at in each of its turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paused: set[str] = set()
        self._states: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def open(self) -> None:
        """Begin with nothing asked, and let the children know."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.iterdir():
            file.unlink()
        os.environ[FOLDER] = str(self.folder)

    def turn(self, parts: Iterable[Part]) -> None:
        """Do what was asked since the last turn, and write down how the parts are if that has changed."""
        for part in parts:
            for action in OFFERED.get(part.name, ()):
                if self._was_asked(part.name, action):
                    self._do(part, action)
        self._write({part.name: self._state(part) for part in parts if part.name in OFFERED})

    def release(self, part: Part) -> None:
        """Wake a part that is paused, so that it can end in order."""
        if part.name in self._paused and part.is_running:
            self._do(part, "resume")

    def _was_asked(self, part: str, action: str) -> bool:
        try:
            (self.folder / _file(part, action)).unlink()
        except OSError:
            return False
        return True

    def _do(self, part: Part, action: str) -> None:
        if not part.is_running or part.process is None:
            return
        # A part leads a process group of its own; the worker's children are in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.process.pid, ACTIONS[action])
        if action == "pause":
            self._paused.add(part.name)
        else:
            self._paused.discard(part.name)

    def _state(self, part: Part) -> str:
        if not part.is_running:
            return "down"
        return "paused" if part.name in self._paused else "runs"

    def _write(self, states: dict[str, str]) -> None:
        changed = [part for part, state in states.items() if state != self._states.get(part)]
        if changed:
            self._since.update(dict.fromkeys(changed, time.time()))
            new = self.folder / "states.new"
            new.write_text(json.dumps({part: (state, self._since[part]) for part, state in states.items()}))
            new.replace(self.folder / "states.json")
            self._states = states
