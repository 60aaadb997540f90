"""Counting round trips to the two servers, as `assertNumQueries` counts queries."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from types import FrameType
from typing import Any, NamedTuple, overload

from cachedemo.servers import test_runs
from cachedemo.tracing.cover import watching
from cachedemo.tracing.recorder import Recorder, recorders
from cachedemo.tracing.steps import Step
from cachedemo.tracing.words import command_text

_SERVERS = ("cache", "queue")
_ANNOUNCES = ("cachedemo.protocol.versions", "announce")  # a process does it once for each model
_OF_TEST_RUNS = "cachedemo.servers.test_"  # what these modules send nothing sends outside of tests
_OF_TEST_RUN = r"test:[^:]+:[0-9a-f]{10}:\d+:"


class Trip(NamedTuple):
    """One round trip.

    Attributes:
        server: "cache" or "queue".
        commands: what was sent, as people read it; without what a test run puts before each key.
        purpose: what the last of them was for.
        error: what went wrong; empty if nothing did.
    """

    server: str
    commands: tuple[str, ...]
    purpose: str
    error: str

    def __str__(self) -> str:
        said = f" ({self.error or self.purpose})" if self.error or self.purpose else ""
        return f"{self.server}: {' | '.join(self.commands)}{said}"


class CapturedTrips(Sequence[Trip]):
    """The round trips so far, in their order; those are left out that a process makes once and then never again."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def take(self, step: Step) -> None:
        """Note a step, called by what has sent it."""
        if step.server in _SERVERS and not _is_made_once(step):
            self._steps.append(step)

    def __len__(self) -> int:
        return len(self._trips())

    @overload
    def __getitem__(self, index: int) -> Trip: ...

    @overload
    def __getitem__(self, index: slice) -> list[Trip]: ...

    def __getitem__(self, index: int | slice) -> Trip | list[Trip]:
        return self._trips()[index]

    def to(self, server: str) -> int:
        """Return how many there were to "cache" or "queue"."""
        return sum(trip.server == server for trip in self)

    def _trips(self) -> list[Trip]:
        together = [list(steps) for _, steps in groupby(self._steps, key=lambda step: step.trip)]
        return [_trip(steps) for steps in together]


@contextmanager
def assert_cache_trips(
    num: int | None = None, *, cache: int | None = None, queue: int | None = None
) -> Iterator[CapturedTrips]:
    """Assert how many round trips this block makes to the servers; if there are others, the error lists them all.

    What a pipeline sends is one trip. What this thread or task sends counts, not what a live server's threads do.
    Announcing a version and loading a script are not counted: a process does that once.

    Args:
        num: round trips to both servers together.
        cache: round trips to the cache server.
        queue: round trips to the queue server.

    Returns:
        The trips, for assertions of your own.

    Raises:
        TypeError: neither of the three is given.
    """
    __tracebackhide__ = True  # pytest shows the block, and not this
    expected = {name: count for name, count in (("", num), ("cache", cache), ("queue", queue)) if count is not None}
    if not expected:
        raise TypeError("Say how many round trips there should be: assert_cache_trips(2), or cache=1, or queue=1.")
    trips = CapturedTrips()
    recorder = Recorder(trips.take)
    with test_runs.in_use(), watching():
        token = recorders.set((*recorders.get(), recorder))
        try:
            yield trips
        finally:
            recorders.reset(token)
    for server, count in expected.items():
        made = trips.to(server) if server else len(trips)
        if made != count:
            raise AssertionError(_list(trips, made, count, server))


def _list(trips: CapturedTrips, made: int, expected: int, server: str) -> str:
    where = f" to the {server} server" if server else ""
    lines = [f"{number}. {trip}" for number, trip in enumerate(trips, 1)]
    return "\n".join([f"{made} != {expected} : {made} round trips{where}, {expected} expected", *lines])


def _trip(steps: list[Step]) -> Trip:
    last = steps[-1]
    commands = tuple(command_text(step.server, tuple(map(_plain, step.words))) for step in steps)
    return Trip(last.server, commands, last.purpose, last.error)


def _plain(word: Any) -> Any:
    """Return one word of a command without what a test run puts before its key."""
    if isinstance(word, bytes):
        return re.sub(_OF_TEST_RUN.encode(), b"", word)
    return re.sub(_OF_TEST_RUN, "", word) if isinstance(word, str) else word


def _is_made_once(step: Step) -> bool:
    """Whether it loads a script or announces a version, which a process does once; or what a test run does."""
    if "NOSCRIPT" in step.error.upper() or "NO MATCHING SCRIPT" in step.error.upper():
        return True
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if (module, frame.f_code.co_name) == _ANNOUNCES or module.startswith(_OF_TEST_RUNS):
            return True
        frame = frame.f_back
    return False
