"""The figures as people read them: tables of words and numbers, and charts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo import Origin, Pattern
from playground.charts import Chart, Value, chart
from users.pages import words

TONES = {"cold": "database", "warm": "cache"}
ARTICLE_FIGURES_MS = (203.4, 201.8, 202.1, 1.2, 0.9, 0.9)  # as it prints them: three users cold, then warm


class Section(NamedTuple):
    """One measurement: what it is, its table, and its chart."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: Chart | None

    @property
    def labelled_rows(self) -> list[list[tuple[str, str]]]:
        """Each cell with its column's heading, for where there is no room for columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


def sections(report: dict[str, Any]) -> list[Section]:
    return [_article(report), _reads(report), _writes(report), _flush(report)]


def _article(report: dict[str, Any]) -> Section:
    rows = report["article"]
    both = [(row, theirs / 1000) for row, theirs in zip(rows, ARTICLE_FIGURES_MS, strict=True)]
    bars = [
        Value(f"{row['user']}, {who}", seconds, words.duration(seconds), TONES[row["state"]], row["state"])
        for row, theirs in both
        for who, seconds in (("here", row["seconds"]), ("article", theirs))
    ]
    here, there = _fold([row["seconds"] for row in rows]), _fold([theirs for _, theirs in both])
    return Section(
        "Cold and warm reads",
        f"The article's table: its database is {report['article_ms']} ms away. It calls its own figures a "
        f"two-hundred-fold improvement; they are {there:.0f}-fold, and those measured here {here:,.0f}-fold. Both are "
        "as artificial as the simulated database that dominates them.",
        ("", "user", "took here", "in the article", "from"),
        [
            (row["state"], row["user"], words.duration(row["seconds"]), words.duration(theirs), _place(row["origin"]))
            for row, theirs in both
        ],
        chart(
            "Cold and warm reads",
            bars,
            words.duration,
            [("database", "cold: the database"), ("cache", "warm: the cache")],
        ),
    )


def _fold(seconds: Sequence[float]) -> float:
    """Return how many times as long the cold half took as the warm half."""
    half = len(seconds) // 2
    return sum(seconds[:half]) / sum(seconds[half:])


def _reads(report: dict[str, Any]) -> Section:
    rows = report["reads"]
    bars = [
        Value(f"{row['ratio']:.0%} hits", row["per_second"], f"{row['per_second']:,.0f} /s", "cache") for row in rows
    ]
    return Section(
        "Reads under a Zipf load",
        f"The n-th row is read as often as 1/n; a miss asks a database {report['source_ms']:g} ms away.",
        ("hit ratio", "measured", "reads a second", "mean", "median", "99th percentile"),
        [(f"{row['ratio']:.0%}", f"{row['hits']:.1%}", *_figures(row)) for row in rows],
        chart("Reads a second, one reader", bars, _rate),
    )


def _writes(report: dict[str, Any]) -> Section:
    rows = report["writes"]
    bars = [
        Value(row["pattern"], row["per_second"], _rate(row["per_second"]), _waits_for(row["pattern"])) for row in rows
    ]
    return Section(
        "Writes in each pattern",
        f"One writer, as the caller waits for it; the database is {report['source_ms']:g} ms away.",
        ("pattern", "writes a second", "mean", "median", "99th percentile"),
        [(row["pattern"], *_figures(row)) for row in rows],
        chart(
            "Writes a second, one writer",
            bars,
            _rate,
            [("database", "waits for the database"), ("queue", "waits for the queue")],
        ),
    )


def _flush(report: dict[str, Any]) -> Section:
    return Section(
        "Flush",
        f"One flush at a time takes what waits to a database {report['source_ms']:g} ms away.",
        ("rows", "in batches of", "took", "rows a second"),
        [
            (f"{row['rows']:,}", str(row["batch_size"]), words.duration(row["seconds"]), f"{row['per_second']:,.0f}")
            for row in report["flush"]
        ],
        None,
    )


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f} /s"


def _waits_for(pattern: str) -> str:
    return "queue" if pattern == Pattern.WRITE_BEHIND else "database"


def _figures(row: dict[str, Any]) -> list[str]:
    return [f"{row['per_second']:,.0f}", *(words.duration(row[name]) for name in ("mean", "p50", "p99"))]


def _place(origin: str) -> str:
    return words.PLACES[Origin(origin)]
