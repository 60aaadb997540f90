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
Combine = Callable[[list[float]], float]


class _Curves:
    """The statistics of the last `length` minutes as curves; the minute under way is not over, and left out.

    Where the queue, which counts, does not answer, `is_known` is False, and nothing is drawn: no rate is zero.
    """

    def __init__(self, minutes: dict[int, Minute], length: int, now: float, is_known: bool = True) -> None:
        self.whole = list(minutes.values())[:-1]
        self.step = max(1, length // (4 * STEPS)) if length > STEPS else 1
        self.end = int(now) // 60 * 60.0
        self.is_known = is_known

    def curve(self, of: Callable[[Minute], float | None], combine: Combine | None = None) -> Curve:
        return thin([of(minute) if self.is_known else None for minute in self.whole], self.step, combine or _mean)

    def axis(self, moments: Sequence[Moment] = ()) -> Axis:
        return Axis(self.end, len(self.curve(_reads)), self.step, moments)

    def flush(self, axis: Axis) -> list[Chart]:
        return [
            Chart("Flush lag", axis, [Line("oldest of a batch", "warn", self.curve(_lag, max))], span),
            Chart("Rows flushed a second", axis, [Line("rows", "good", self.curve(_rate("flushed")))], _plain),
        ]


def charts(
    minutes: dict[int, Minute], length: int, now: float, versions: Sequence[VersionRow] = (), is_known: bool = True
) -> list[Chart]:
    """Return the charts of the last `length` minutes."""
    of = _Curves(minutes, length, now, is_known)
    axis = of.axis(_moments(datetime.fromtimestamp(now - length * 60, UTC), versions))
    evictions = thin(_evictions(of.whole), of.step, _mean)
    origins = [Line(name, tone, of.curve(_rate(metric))) for metric, name, tone in _ORIGINS]
    return [
        Chart("Hit ratio", axis, [Line("hits", "good", of.curve(_ratio))], lambda v: f"{v:.0f} %", top=100),
        Chart("Reads a second", axis, origins, _plain),
        *of.flush(axis),
        Chart("Memory of the cache", axis, [Line("used", "good", of.curve(_level("memory"), max))], _size, unit=2**20),
        Chart("Evictions a minute", axis, [Line("keys", "bad", evictions)], _plain),
    ]


def flush_charts(minutes: dict[int, Minute], length: int, now: float) -> list[Chart]:
    """Return those of the flush alone, without markers."""
    of = _Curves(minutes, length, now)
    return of.flush(of.axis())


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
