"""A trace as rows with bars: what the template draws."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo.tracing.trace import Step
from playground.plain_steps import command_of
from users.pages import words

WIDTH = 1000  # of a bar's drawing, from the first step's start to the last one's end
NARROWEST = 4
TICKS = 4

Kept = dict[str, Any]  # a step as it is kept


class Row(NamedTuple):
    """One step.

    Attributes:
        shares: whether it went in the same round trip as the step before.
        x, width: of its bar, in thousandths of the whole.
        sources: the line that took it and the one that asked for it, each file and line.
    """

    number: int
    server: str
    command: str
    purpose: str
    error: str
    shares: bool
    x: str
    width: str
    took: str
    sources: list[dict[str, Any]]


class Timeline(NamedTuple):
    """What was asked, step by step."""

    title: str
    rows: list[Row]
    ticks: list[str]
    total: str
    counts: list[tuple[str, int, str]]  # server, steps, time spent there
    simulated: str  # how much of it was the simulated way to the database; empty if none
    without_way: bool


def kept_steps(steps: Sequence[Step]) -> list[Kept]:
    """Return steps as JSON values."""
    return [step.as_json() for step in steps]


def timeline(title: str, steps: Sequence[Kept], net: bool = False) -> Timeline:
    """Lay out the steps; `net` leaves the simulated way to the database out of the scale."""
    way = sum(step["took"] for step in steps if step["command"] == "TRIP")
    shown = _without_way(steps) if net else list(steps)
    begin = min((step["start"] for step in shown), default=0.0)
    total = max((step["start"] + step["took"] for step in shown), default=0.0) - begin
    return Timeline(
        title=title,
        rows=_rows(shown, begin, total),
        ticks=[_duration(total * n / TICKS) for n in range(TICKS + 1)],
        total=_duration(total),
        counts=_counts(steps),
        simulated=_duration(way) if way else "",
        without_way=net,
    )


def without_way(steps: Sequence[Kept], took_ms: float) -> dict[str, Any]:
    """Return the steps without the simulated way to the database, and how long the rest took, for a board."""
    way = sum(step["took"] for step in steps if step["command"] == "TRIP")
    return {"steps": _without_way(steps), "took_ms": took_ms - way / 1000}


def _without_way(steps: Sequence[Kept]) -> list[Kept]:
    """Leave out the waiting and draw the rest together."""
    shown, left_out = [], 0.0
    for step in steps:
        if step["command"] == "TRIP":
            left_out += step["took"]
        else:
            shown.append({**step, "start": step["start"] - left_out})
    return shown


def _rows(steps: Sequence[Kept], begin: float, total: float) -> list[Row]:
    rows: list[Row] = []
    trip = None
    scale = WIDTH / total if total else 0.0
    for number, step in enumerate(steps, start=1):
        width = max(NARROWEST, step["took"] * scale)
        x = min((step["start"] - begin) * scale, WIDTH - width)
        shares, trip = step["trip"] == trip, step["trip"]
        rows.append(_row(number, step, shares, x, width))
    return rows


def _row(number: int, step: Kept, shares: bool, x: float, width: float) -> Row:
    return Row(
        number=number,
        server=step["server"],
        command=command_of(step),
        purpose=step["purpose"] or "part of the request",
        error="" if "matching script" in step["error"] else step["error"],  # the purpose says it
        shares=shares,
        x=f"{x:.1f}",
        width=f"{width:.1f}",
        took=_duration(step["took"]),
        sources=step["stack"],
    )


def _counts(steps: Sequence[Kept]) -> list[tuple[str, int, str]]:
    """Return for each server how many steps there were and how long their round trips took."""
    counts: dict[str, int] = {}
    times: dict[str, dict[int, float]] = {}
    for step in steps:
        counts[step["server"]] = counts.get(step["server"], 0) + 1
        times.setdefault(step["server"], {})[step["trip"]] = step["took"]
    return [(server, count, _duration(sum(times[server].values()))) for server, count in counts.items()]


def _duration(microseconds: float) -> str:
    return words.duration(microseconds / 1_000_000)
