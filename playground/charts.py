"""Bar charts as SVG: Python computes where everything is, a template writes it, the stylesheet colours it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 480
LABELS = 112  # room for the labels, left of the bars
FIGURES = 76  # room for the figures, right of the longest bar
HEIGHT, GAP, HEAD = 18, 6, 22
NARROWEST = 2.0


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


class Chart(NamedTuple):
    """A drawn chart; `scale` says in words how long the bars are."""

    title: str
    scale: str
    width: int
    height: int
    left: int
    bars: list[Bar]
    headings: list[Heading]


def chart(title: str, values: Sequence[Value], *, logarithmic: bool = False) -> Chart:
    """Lay out bars from zero, or on a logarithmic scale from a tenth of the smallest."""
    lengths = _logarithmic(values) if logarithmic else _linear(values)
    bars, headings, y, group = list[Bar](), list[Heading](), 0, ""
    for value, length in zip(values, lengths, strict=True):
        if value.group != group:
            group = value.group
            y += HEAD
            headings.append(Heading(group, y - GAP))
        width = max(NARROWEST, length * (WIDTH - LABELS - FIGURES))
        end = f"{LABELS + width + GAP:.1f}"
        bars.append(Bar(value.label, value.text, value.tone, y, y + HEIGHT - 5, f"{width:.1f}", end))
        y += HEIGHT + GAP
    scale = "Each step to the right is a multiple: the scale is logarithmic." if logarithmic else ""
    return Chart(title, scale, WIDTH, y, LABELS, bars, headings)


def _linear(values: Sequence[Value]) -> list[float]:
    largest = max((value.value for value in values), default=0.0) or 1.0
    return [value.value / largest for value in values]


def _logarithmic(values: Sequence[Value]) -> list[float]:
    positive = [value.value for value in values if value.value > 0]
    if not positive:
        return [0.0 for _ in values]
    lowest, highest = math.log10(min(positive)) - 1, math.log10(max(positive))
    span = highest - lowest
    return [(math.log10(value.value) - lowest) / span if value.value > 0 else 0.0 for value in values]
