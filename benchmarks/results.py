"""One line of the report: two numbers side by side, and the budget that their ratio has."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from rich.table import Table

from benchmarks.markdown import markdown


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes:
        what: ours, in a few words.
        ours: our number.
        against: the other side, in a few words.
        theirs: its number, of the same kind.
        unit: what both numbers count.
        at_most, at_least: the budget of the ratio ours / theirs, if there is one.
        limit: the budget of our own number, where that is what counts.
    """

    what: str
    ours: float
    against: str
    theirs: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.at_most is not None:
            return self.ratio <= self.at_most
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return self.ours <= self.limit if self.limit is not None else None

    @property
    def budget(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:.2f}"
        if self.at_least is not None:
            return f"≥ {_number(self.at_least) if self.at_least >= 10 else f'{self.at_least:.2f}'}"
        return f"≤ {self.limit:g} {self.unit}" if self.limit is not None else ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": round(self.ratio, 4), "holds": self.holds}

    @classmethod
    def of_json(cls, written: dict[str, Any]) -> "Result":
        """Return what `as_json` was asked for."""
        return cls(**{field.name: written[field.name] for field in fields(cls)})


def table(results: Sequence[Result]) -> Table:
    """Return the report as a table."""
    drawn = Table(header_style="bold")
    for title in ("cachedemo", "", "against", "", "", "ratio", "budget", ""):
        drawn.add_column(title, justify="left" if title in ("cachedemo", "against") else "right")
    for result in results:
        drawn.add_row(
            result.what,
            _number(result.ours),
            result.against,
            _number(result.theirs),
            result.unit,
            _ratio(result.ratio),
            result.budget,
            {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}[result.holds],
        )
    return drawn


def lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the report in Markdown."""
    rows = (
        [
            result.what,
            f"{_number(result.ours)} {result.unit}",
            result.against,
            f"{_number(result.theirs)} {result.unit}",
            _ratio(result.ratio),
            result.budget,
            {True: "met", False: "**missed**", None: ""}[result.holds],
        ]
        for result in results
    )
    return markdown(["cachedemo", "", "against", "", "ratio", "budget", ""], rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"
