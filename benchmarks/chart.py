"""A chart of a few lines as SVG, which needs nothing to be drawn or looked at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 32, 46, 56
ROOM = 56  # for a number below the axis
COLOURS = ("#1f5fbf", "#b3541e", "#2e7d32", "#6a3fa0")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600}.grid{stroke:#ddd}"
    ".end{text-anchor:end}.mid{text-anchor:middle}"
)


@dataclass(frozen=True)
class Line:
    """One line; `should` draws it dashed and grey, as what it is compared with."""

    name: str
    points: Sequence[tuple[float, float]]
    should: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one axis, which begins at 0 upwards; `log` counts it in powers of ten to the right."""

    title: str
    across: str
    upwards: str
    lines: Sequence[Line]
    log: bool = False

    def svg(self) -> str:
        highest = _round_above(max(y for line in self.lines for _, y in line.points))
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(self.title)}</title><style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            _text(LEFT, 20, self.title, "title"),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, self.across, "mid"),
            _text(LEFT, 38, self.upwards),
            *(self._grid(highest)),
            *(self._ticks()),
        ]
        colours = iter(COLOURS)
        for number, line in enumerate(self.lines):
            parts += self._line(line, highest, "#888" if line.should else next(colours), number)
        return "\n".join([*parts, "</svg>", ""])

    def _x(self, value: float) -> float:
        values = [x for line in self.lines for x, _ in line.points]
        scale = math.log10 if self.log else float
        low, high = scale(min(values)), scale(max(values))
        return LEFT + (WIDTH - LEFT - RIGHT) * ((scale(value) - low) / ((high - low) or 1))

    def _grid(self, highest: float) -> list[str]:
        parts = []
        for step in range(5):
            value = highest * step / 4
            y = _y(value, highest)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(_text(LEFT - 8, y + 4, number(value), "end"))
        return parts

    def _ticks(self) -> list[str]:
        """Return the sizes below the axis: the highest, and of the others those that have room."""
        parts, left_of = [], float("inf")
        for value in sorted({x for line in self.lines if not line.should for x, _ in line.points}, reverse=True):
            if (x := self._x(value)) <= left_of:
                parts.append(_text(x, HEIGHT - BOTTOM + 20, number(value), "mid"))
                left_of = x - ROOM
        return parts

    def _line(self, line: Line, highest: float, colour: str, place: int) -> list[str]:
        points = " ".join(f"{self._x(x):.1f},{_y(y, highest):.1f}" for x, y in line.points)
        dash = ' stroke-dasharray="5 4"' if line.should else ""
        at = WIDTH - RIGHT, 20 + 18 * place
        return [
            f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{points}"/>',
            f'<text class="end" x="{at[0]}" y="{at[1]}" style="fill:{colour}">{escape(line.name)}</text>',
        ]


def number(value: float) -> str:
    """Return a number as short as a chart and a table want it."""
    if value >= 1_000_000 and value % 100_000 == 0:
        return f"{value / 1_000_000:g} million"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _round_above(value: float) -> float:
    """Return a number above it of which a quarter is round too."""
    power = 10 ** math.floor(math.log10(value / 4 or 1))
    return next(4 * power * digit for digit in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if 4 * power * digit >= value)


def _y(value: float, highest: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / highest


def _text(x: float, y: float, text: str, role: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" class={chr(34)}{role}{chr(34)}" if role else ""}>{escape(text)}</text>'
