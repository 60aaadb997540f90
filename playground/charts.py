"""Bar charts on a linear scale with an axis, as SVG: Python computes where everything is, a template writes it.

A bar that is too short to see is drawn two units wide; its figure beside it says what it is.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH = 480
LABELS = 122  # room for the labels, left of the bars
FIGURES = 76  # room for the figures, right of the longest bar
HEIGHT, GAP, HEAD, AXIS = 18, 6, 22, 24
NARROWEST = 2.0
TICKS = 4  # at most five marks on the axis


class Value(NamedTuple):
    """One bar to draw; `group` is a heading above it where it differs from the bar before."""

    label: str
    value: float
    text: str
    tone: str
    group: str = ""


class Bar(NamedTuple):
    label: str
    text: str
    tone: str
    y: int
    middle: int
    width: str
    end: str


class Heading(NamedTuple):
    text: str
    y: int


class Tick(NamedTuple):
    text: str
    x: str


class Chart(NamedTuple):
    """A drawn chart; `legend` says what each colour means: tone and words."""

    title: str
    width: int
    height: int
    left: int
    bottom: int
    bars: list[Bar]
    headings: list[Heading]
    ticks: list[Tick]
    legend: list[tuple[str, str]]


def chart(
    title: str,
    values: Sequence[Value],
    unit: Callable[[float], str] = str,
    legend: Sequence[tuple[str, str]] = (),
) -> Chart:
    """Lay out bars from zero; `unit` writes a value on the axis."""
    top = _round_up(max((value.value for value in values), default=0.0))
    scale = (WIDTH - LABELS - FIGURES) / top
    bars, headings, y, group = list[Bar](), list[Heading](), 0, ""
    for value in values:
        if value.group != group:
            group = value.group
            y += HEAD
            headings.append(Heading(group, y - GAP))
        width = max(NARROWEST, value.value * scale)
        end = f"{LABELS + width + GAP:.1f}"
        bars.append(Bar(value.label, value.text, value.tone, y, y + HEIGHT - 5, f"{width:.1f}", end))
        y += HEIGHT + GAP
    ticks = [Tick(unit(mark), f"{LABELS + mark * scale:.1f}") for mark in _marks(top)]
    return Chart(title, WIDTH, y + AXIS, LABELS, y, bars, headings, ticks, list(legend))


def _round_up(largest: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten, times up to four."""
    if largest <= 0:
        return 1.0
    step = _step(largest)
    return math.ceil(largest / step - 1e-9) * step


def _step(largest: float) -> float:
    power = 10.0 ** math.floor(math.log10(largest / TICKS))
    return next(power * each for each in (1, 2, 2.5, 5, 10) if power * each * TICKS >= largest - 1e-12)


def _marks(top: float) -> list[float]:
    step = _step(top)
    return [n * step for n in range(round(top / step) + 1)]
