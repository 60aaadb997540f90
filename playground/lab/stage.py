"""What an experiment plays on: its actors, the servers it may kill, and the story it tells while it runs."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from cachedemo.tracing.trace import Step
from playground.lab.actors import Actor, Reached
from playground.lab.killing import killed_after
from playground.lab.world import World

PACE = 0.12  # seconds of rest after each step of a run that a person watches
READS = 10  # after the last write; none may return an older value

Emit = Callable[[dict[str, Any]], None]

# The naive commands say what they are for by themselves; cachedemo's steps bring their own words.
_NAIVE = {
    "GET": "look in the cache",
    "SET": "put it into the cache",
    "DEL": "drop the cache entry",
    "RPUSH": "append it to the list",
    "LPOP": "take one off the list",
}


class Finding(NamedTuple):
    """How an experiment ended on one side.

    Attributes:
        broken: whether the assertion failed.
        numbers: what happened, label and number.
    """

    broken: bool
    numbers: list[tuple[str, str]]


class Stage:
    """One side of one run.

    Args:
        pace: seconds to rest after each step that is told, so that a person can watch.
    """

    def __init__(self, side: str, world: World, emit: Emit, pace: float = 0.0) -> None:
        self.side = side
        self.world = world
        self._emit = emit
        self._pace = pace
        self._began = time.perf_counter()

    def actor(self, name: str, work: Callable[[], Any]) -> Actor:
        """Return a thread that goes as far as the experiment lets it."""
        return Actor(name, work, self._tell)

    def killed_after(self, name: str, work: Callable[[], Any], reached: Reached) -> None:
        """Do the work in a process that is killed after the step."""
        for step in killed_after(work, reached):
            purpose = _NAIVE.get(step["command"].split()[0], step["purpose"])
            self._step(name, step["server"], step["command"], purpose)
        self.note(f"The {name} is killed here: SIGKILL.")

    def shows(self, name: str, work: Callable[[], Any]) -> Any:
        """Have an actor do it to its end, with each step told; None for an error, which is told too."""
        try:
            return self.actor(name, work).finish()
        except Exception as error:  # noqa: BLE001  whatever the naive version raises: that is what is shown
            self.note(f"The {name} ends with {type(error).__name__}.", is_wrong=True)
            return None

    def told(self, name: str, step: Step) -> None:
        """Tell a step that was taken before."""
        self._tell(name, step)

    def note(self, text: str, is_wrong: bool = False) -> None:
        """Tell what happened beside the steps; `is_wrong` if it should not have."""
        self._say({"kind": "note", "text": text, "is_wrong": is_wrong})

    def _tell(self, actor: str, step: Step) -> None:
        naive = step.place is not None and step.place.file.endswith("naive.py")
        purpose = _NAIVE.get(step.command.split()[0], step.purpose) if naive else step.purpose
        self._step(actor, step.server, step.command, purpose)

    def _step(self, actor: str, server: str, command: str, purpose: str) -> None:
        self._say({"kind": "step", "actor": actor, "server": server, "command": command, "purpose": purpose})

    def _say(self, event: dict[str, Any]) -> None:
        self._emit({"side": self.side, "ms": round((time.perf_counter() - self._began) * 1000, 1), **event})
        time.sleep(self._pace)
