"""Charts as inline SVG: Python computes the lines, a template writes them, the stylesheet colours them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

HEIGHT = 100
SEPARATOR = "|"
LONG = 24 * 60  # minutes from which on a time needs its day
NEAR = 4.0  # per cent of a chart's width: markers that are nearer to each other share their label
Values = Sequence[float | None]


class Line(NamedTuple):
    name: str
    tone: str  # a class of the stylesheet
    values: Values


class Drawn(NamedTuple):
    """A line as a path: what the template needs of it.

    Attributes:
        values: as they are written at each point, one after the other; the script shows the one under the pointer.
    """

    name: str
    tone: str
    path: str
    dots: str
    last: str
    values: str


class Moment(NamedTuple):
    """Something that changes the curves: when, in the time zone of the pages, and what."""

    at: datetime
    what: str


class Marker(NamedTuple):
    """Something that changes the curves, in a chart: where, and by which number its label is found below the charts."""

    number: int
    x: str
    label: str


class Numbered(NamedTuple):
    """The numbers of one marker, or of several that are too near to each other, and where from the left."""

    per_cent: str
    numbers: str


@dataclass
class Axis:
    """Time from left to right: `steps` points of `minutes` each, the last one at `end`."""

    end: float  # seconds since the epoch
    steps: int
    minutes: float
    moments: Sequence[Moment] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.steps - 1

    @property
    def labels(self) -> list[str]:
        whole = self.width * self.minutes * 60
        return [self._at(self.end - whole * part) for part in (1, 0.5, 0)]

    @property
    def times(self) -> str:
        """When each point is, for the script."""
        return SEPARATOR.join(self._at(self.end - 60 * self.minutes * back) for back in range(self.width, -1, -1))

    def _at(self, moment: float) -> str:
        local = datetime.fromtimestamp(moment, timezone.get_current_timezone())
        return f"{local:%a %H:%M}" if self.width * self.minutes > LONG else f"{local:%H:%M}"

    @property
    def markers(self) -> list[Marker]:
        found: list[Marker] = []
        for at, what in self.moments:
            back = (self.end - at.timestamp()) / 60 / self.minutes
            if back <= self.width:
                when = f"{at:%a %H:%M}" if self.width * self.minutes > LONG else f"{at:%H:%M}"
                x = f"{self.width - max(0.0, back):.2f}"
                found.append(Marker(len(found) + 1, x, f"{when} {what}"))
        return found

    @property
    def numbered(self) -> list[Numbered]:
        found: list[Numbered] = []
        for marker in self.markers:
            per_cent = 100 * float(marker.x) / max(1, self.width)
            if found and per_cent - float(found[-1].per_cent) < NEAR:
                first = found[-1].numbers.partition("–")[0]
                found[-1] = found[-1]._replace(numbers=f"{first}–{marker.number}")
            else:
                found.append(Numbered(f"{per_cent:.1f}", str(marker.number)))
        return found


@dataclass
class Chart:
    """One chart.

    Args:
        top: where the axis ends; the next round number above the highest value if None.
        unit: what that number is counted in.
        show: how a value is written.
    """

    title: str
    axis: Axis
    lines: Sequence[Line]
    show: Callable[[float], str]
    top: float | None = None
    unit: float = 1

    @property
    def scale(self) -> float:
        highest = max((v for line in self.lines for v in line.values if v is not None), default=0)
        return self.top or round_up(highest / self.unit) * self.unit

    @property
    def ticks(self) -> list[str]:
        return [self.show(self.scale * part) for part in (1, 0.5, 0)]

    @property
    def box(self) -> str:
        return f"0 0 {self.axis.width} {HEIGHT}"

    @property
    def drawn(self) -> list[Drawn]:
        return [
            Drawn(
                line.name,
                line.tone,
                path(line.values, self.scale),
                dots(line.values, self.scale),
                self._last(line),
                self._each(line),
            )
            for line in self.lines
        ]

    def _each(self, line: Line) -> str:
        return SEPARATOR.join("" if value is None else self.show(value) for value in line.values)

    def _last(self, line: Line) -> str:
        known = [value for value in line.values if value is not None]
        return self.show(known[-1]) if known else "no data"

    @property
    def words(self) -> str:
        """The chart as text, for people who cannot see it."""
        return f"{self.title}: " + ", ".join(f"{line.name} {self._last(line)}" for line in self.lines)


def path(values: Values, top: float) -> str:
    """Return the d of a path, with a gap where nothing is known."""
    parts, pen_down = [], False
    for x, value in enumerate(values):
        if value is not None:
            parts.append(f"{'L' if pen_down else 'M'}{x} {_y(value, top)}")
        pen_down = value is not None
    return "".join(parts)


def dots(values: Values, top: float) -> str:
    """Return the d of a path that has a dot for each value without a neighbour: no line shows it."""
    around = [None, *values, None]
    beside = zip(around[:-2], values, around[2:], strict=True)
    alone = (None if (before, after) != (None, None) else value for before, value, after in beside)
    return "".join(f"M{x} {_y(value, top)}h0" for x, value in enumerate(alone) if value is not None)


def _y(value: float, top: float) -> str:
    return f"{HEIGHT - min(1.0, value / top) * HEIGHT:.1f}"


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, … that is not below; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def thin(values: Sequence[float | None], step: int, combine: Callable[[list[float]], float]) -> list[float | None]:
    """Combine each `step` neighbours into one, None where none is known."""
    groups = (values[i : i + step] for i in range(0, len(values), step))
    known = ([value for value in group if value is not None] for group in groups)
    return [combine(group) if group else None for group in known]
