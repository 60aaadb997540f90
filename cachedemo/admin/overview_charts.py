"""The overview's curves: which numbers of the statistics, counted in `protocol/stats.py`, make which chart."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from cachedemo.admin.chart_drawing import Axis, Chart, Line, Moment, thin
from cachedemo.admin.version_rows import VersionRow
from cachedemo.operations import history
from cachedemo.protocol.stats import Minute
from cachedemo.templatetags.cachedemo_admin import span

STEPS = 60  # points of a chart, about

# Where reads got their value: the metric, the line's name and its tone.
_ORIGINS = (("hits", "cache", "good"), ("pending", "pending", "warn"), ("source", "database", "bad"))

Curve = list[float | None]


def charts(
    minutes: dict[int, Minute], length: int, now: float, versions: Sequence[VersionRow] = (), is_known: bool = True
) -> list[Chart]:
    """Return the charts of the last `length` minutes; the minute under way is not over, and left out.

    Where the queue, which counts, does not answer, `is_known` is False, and nothing is drawn: no rate is zero.
    """
    whole = list(minutes.values())[:-1]
    step = max(1, length // (4 * STEPS)) if length > STEPS else 1
    end = int(now) // 60 * 60.0
    since = datetime.fromtimestamp(now - length * 60, UTC)

    def curve(of: Callable[[Minute], float | None], combine: Callable[[list[float]], float] = _mean) -> Curve:
        return thin([of(minute) if is_known else None for minute in whole], step, combine)

    axis = Axis(end, len(curve(_reads)), step, _moments(since, versions))
    return [
        Chart("Hit ratio", axis, [Line("hits", "good", curve(_ratio))], lambda v: f"{v:.0f} %", top=100),
        Chart("Reads a second", axis, [Line(name, tone, curve(_rate(of))) for of, name, tone in _ORIGINS], _plain),
        Chart("Flush lag", axis, [Line("oldest of a batch", "warn", curve(_lag, max))], span),
        Chart("Rows flushed a second", axis, [Line("rows", "good", curve(_rate("flushed")))], _plain),
        Chart("Memory of the cache", axis, [Line("used", "good", curve(_level("memory"), max))], _size, unit=2**20),
        Chart("Evictions a minute", axis, [Line("keys", "bad", thin(_evictions(whole), step, _mean))], _plain),
    ]


def _moments(since: datetime, versions: Sequence[VersionRow]) -> list[Moment]:
    """Where somebody flushed or deleted, and where a version was announced; the latest first."""
    done = [Moment(event.at, f"{event.action}, {event.target}, {event.who}") for event in history.marked(since)]
    announced = [(datetime.fromtimestamp(row.since, UTC), row) for row in versions if row.since]
    new = [Moment(timezone.localtime(at), f"{row.prefix} was announced") for at, row in announced if at >= since]
    return sorted([*done, *new], reverse=True)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _reads(minute: Minute) -> float:
    return sum(minute.get(name, 0) for name in ("hits", "pending", "source"))


def _ratio(minute: Minute) -> float | None:
    reads = _reads(minute)
    return 100 * minute.get("hits", 0) / reads if reads else None


def _rate(name: str) -> Callable[[Minute], float | None]:
    return lambda minute: minute.get(name, 0) / 60


def _lag(minute: Minute) -> float | None:
    return minute["lag_ms"] / minute["batches"] / 1000 if minute.get("batches") and "lag_ms" in minute else None


def _level(name: str) -> Callable[[Minute], float | None]:
    return lambda minute: minute.get(name)


def _evictions(minutes: list[Minute]) -> Curve:
    """Return what came to the server's count since the minute before; a restart begins at 0."""
    levels = [minute.get("evicted") for minute in minutes]
    pairs = zip([None, *levels], levels, strict=False)
    return [None if before is None or now is None else max(0.0, now - before) for before, now in pairs]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _size(value: float) -> str:
    return filesizeformat(value)
