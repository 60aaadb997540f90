"""The figures as people read them: tables of words and numbers, and charts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cachedemo import Origin
from playground.charts import Chart, Value, chart
from users.pages import words

TONES = {"cold": "database", "warm": "cache"}


class Section(NamedTuple):
    """One measurement: what it is, its table, and its chart."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: Chart | None


def sections(report: dict[str, Any]) -> list[Section]:
    return [_article(report), _reads(report), _writes(report), _flush(report)]


def _article(report: dict[str, Any]) -> Section:
    rows = report["article"]
    bars = [
        Value(row["user"], row["seconds"], words.duration(row["seconds"]), TONES[row["state"]], row["state"])
        for row in rows
    ]
    return Section(
        "Cold and warm reads",
        f"The article's table: its database is {report['article_ms']} ms away.",
        ("", "user", "took", "from"),
        [(row["state"], row["user"], words.duration(row["seconds"]), _place(row["origin"])) for row in rows],
        chart("Cold and warm reads", bars, logarithmic=True),
    )


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
        chart("Reads a second, one reader", bars),
    )


def _writes(report: dict[str, Any]) -> Section:
    rows = report["writes"]
    bars = [Value(row["pattern"], row["per_second"], f"{row['per_second']:,.0f} /s", row["pattern"]) for row in rows]
    return Section(
        "Writes in each pattern",
        f"One writer, as the caller waits for it; the database is {report['source_ms']:g} ms away.",
        ("pattern", "writes a second", "mean", "median", "99th percentile"),
        [(row["pattern"], *_figures(row)) for row in rows],
        chart("Writes a second, one writer", bars),
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


def _figures(row: dict[str, Any]) -> list[str]:
    return [f"{row['per_second']:,.0f}", *(words.duration(row[name]) for name in ("mean", "p50", "p99"))]


def _place(origin: str) -> str:
    return words.PLACES[Origin(origin)]
