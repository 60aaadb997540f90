"""One step of a trace: what was sent where, what for, how long it took, and which line of the code sent it."""

import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any, NamedTuple

# Modules that carry a step out and do not decide on it.
_CARRIERS = (
    "cachedemo.trac",
    "cachedemo.servers.roles",
    "cachedemo.servers.breaker",
    "django",
    "redis",
    "pybreaker",
    "contextlib",
)
_CARRYING = ("_run", "_enqueue")  # functions of protocol/queue.py that only pass on what they were called with
_DEPTH = 2


class Place(NamedTuple):
    """A line of the code: `cachedemo/protocol/slots.py`, 115, `take_lease`."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Step(NamedTuple):
    """One command, statement or event.

    Attributes:
        server: "cache", "queue", "database", or "worker" for what is asked of Celery.
        command: what was sent, as people read it.
        purpose: what it was for, in words.
        start: microseconds since the trace began.
        took: microseconds until the answer.
        trip: steps with the same number went in one round trip and share its time.
        stack: the line that took it, and the one in another module that asked for it.
        words: what was sent, exactly.
        error: what went wrong; empty if nothing did.
    """

    server: str
    command: str
    purpose: str
    start: float
    took: float
    trip: int
    stack: tuple[Place, ...]
    words: tuple[Any, ...]
    error: str = ""

    @property
    def place(self) -> Place | None:
        """The line that took the step."""
        return self.stack[0] if self.stack else None

    def as_json(self) -> dict[str, Any]:
        """Return all but `words`, which may be bytes."""
        plain = self._asdict() | {"stack": [place._asdict() for place in self.stack]}
        del plain["words"]
        return plain


def here() -> tuple[Place, ...]:
    """Return the lines that the code is at: the innermost that decides, and its caller in another module."""
    found: list[Place] = []
    for frame in _frames(sys._getframe(1)):
        file = _file_of(frame)
        if not found or found[-1].file != file:
            found.append(Place(file, frame.f_lineno, frame.f_code.co_name))
        if len(found) == _DEPTH:
            break
    return tuple(found)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(_CARRIERS) and frame.f_code.co_name not in _CARRYING:
            yield frame
        frame = frame.f_back


def _file_of(frame: FrameType) -> str:
    """Return the path below the folder that the top package is in."""
    module = str(frame.f_globals.get("__name__", ""))
    depth = module.count(".") + 1 + frame.f_code.co_filename.endswith("__init__.py")
    return "/".join(frame.f_code.co_filename.replace("\\", "/").split("/")[-depth:])


def round_trips(steps: Iterable[Step]) -> dict[str, tuple[int, float]]:
    """Return for each server how many steps there were, and the microseconds of its round trips."""
    found: dict[str, tuple[int, float]] = {}
    seen: set[int] = set()
    for step in steps:
        count, took = found.get(step.server, (0, 0.0))
        found[step.server] = (count + 1, took + (0.0 if step.trip in seen else step.took))
        seen.add(step.trip)
    return found


def server_timing(steps: Iterable[Step]) -> str:
    """Return the steps as the value of a Server-Timing header: milliseconds at each server."""
    return ", ".join(
        f'{server};desc="{count} step{"" if count == 1 else "s"}";dur={took / 1000:.3f}'
        for server, (count, took) in round_trips(steps).items()
    )
