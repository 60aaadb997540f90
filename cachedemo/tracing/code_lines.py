"""Which lines of the code sent a step: the one that decided on it, and the one that asked for it."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

# Modules that carry a step out and do not decide on it.
_CARRIERS = (
    "cachedemo.trac",
    "cachedemo.servers.roles",
    "cachedemo.servers.server",
    "cachedemo.servers.cluster",
    "cachedemo.servers.loop",
    "cachedemo.servers.breaker",
    "asyncio",
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
