"""One step of a trace: what was sent where, what for, how long it took, and which line of the code sent it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from cachedemo.tracing.code_lines import Place


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
