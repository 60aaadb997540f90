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
from typing import Any

from demo.part import Part

FOLDER = "CACHEDEMO_DEMO_CONTROL"
ACTIONS = {
    "kill": signal.SIGKILL,
    "down-3": signal.SIGKILL,
    "down-10": signal.SIGKILL,
    "pause": signal.SIGSTOP,
    "resume": signal.SIGCONT,
}
KEPT_DOWN = {"down-3": 3.0, "down-10": 10.0}  # seconds until the supervisor may start it again
OFFERED = {
    "worker": ("kill", "down-10", "pause", "resume"),
    "cache server": ("kill", "down-3", "down-10"),
    "queue server": ("kill", "down-10"),
}
EVENTS = 30  # that are kept, the newest first

States = dict[str, tuple[str, float]]  # part -> "runs", "paused" or "down", and since when
Events = list[tuple[float, str, str]]  # when, which part, what became of it


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
    return _read("states.json", {})


def events() -> Events:
    """Return what became of the parts lately, the newest first."""
    return _read("events.json", [])


def _read(name: str, otherwise: Any) -> Any:
    try:
        return json.loads((Path(os.environ[FOLDER]) / name).read_text())
    except (KeyError, OSError, ValueError):
        return otherwise


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
        self._down_until: dict[str, float] = {}
        self._events: Events = []

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

    def down_for(self, part: Part) -> float:
        """Return for how many seconds more a visitor wants this part down."""
        return max(0.0, self._down_until.get(part.name, 0.0) - time.monotonic())

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
        if action in KEPT_DOWN:
            self._down_until[part.name] = time.monotonic() + KEPT_DOWN[action]
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
            now = time.time()
            self._since.update(dict.fromkeys(changed, now))
            self._events = [*((now, part, states[part]) for part in changed), *self._events][:EVENTS]
            self._replace("states.json", {part: (state, self._since[part]) for part, state in states.items()})
            self._replace("events.json", self._events)
            self._states = states

    def _replace(self, name: str, content: Any) -> None:
        """Write a file in one step, so that no page reads half of it."""
        new = self.folder / f"{name}.new"
        new.write_text(json.dumps(content))
        new.replace(self.folder / name)
