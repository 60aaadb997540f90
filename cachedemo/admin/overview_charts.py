"""The overview's curves: which numbers of the statistics, counted in `protocol/stats.py`, make which chart."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from cachedemo.admin.chart_drawing import Axis, Chart, Line, Moment, thin
from cachedemo.admin.ranges import Range
from cachedemo.admin.snapshot import Snapshot
from cachedemo.admin.version_rows import VersionRow
from cachedemo.operations import history
from cachedemo.protocol import model_stats
from cachedemo.protocol.stats_kept import Numbers
from cachedemo.templatetags.cachedemo_admin import span

STEPS = 60  # points of a chart, about

# Where reads got their value: the metric, the line's name and its tone.
_ORIGINS = (("hits", "cache", "good"), ("pending", "pending", "warn"), ("source", "database", "bad"))

Curve = list[float | None]
Combine = Callable[[list[float]], float]


class _Curves:
    """The statistics of a range as curves; the step under way is not over, and left out.

    Where the queue, which counts, does not answer, `is_known` is False, and nothing is drawn: no rate is zero.

    Args:
        steps: step since the epoch -> metric -> sum.
        seconds: of one step.
    """

    def __init__(self, steps: dict[int, Numbers], seconds: int, now: float, is_known: bool = True) -> None:
        self.whole = list(steps.values())[:-1]
        self.seconds = seconds
        self.together = max(1, len(steps) // (4 * STEPS))
        self.end = float(int(now) // seconds * seconds)
        self.is_known = is_known

    def curve(self, of: Callable[[Numbers], float | None], combine: Combine | None = None) -> Curve:
        return thin([of(step) if self.is_known else None for step in self.whole], self.together, combine or _mean)

    def rate(self, name: str) -> Curve:
        """Return so many a second."""
        return self.curve(lambda step: step.get(name, 0) / self.seconds)

    def evictions(self) -> Curve:
        """Return what came to the server's count since the step before, a minute; a restart begins at 0."""
        levels = [step.get("evicted") if self.is_known else None for step in self.whole]
        pairs = zip([None, *levels], levels, strict=False)
        came = [None if before is None or now is None else max(0.0, now - before) for before, now in pairs]
        return thin([None if each is None else 60 * each / self.seconds for each in came], self.together, _mean)

    def axis(self, moments: Sequence[Moment] = ()) -> Axis:
        return Axis(self.end, len(self.curve(_reads)), self.together * self.seconds / 60, moments)

    def flush(self, axis: Axis) -> list[Chart]:
        return [
            Chart("Flush lag", axis, [Line("oldest of a batch", "warn", self.curve(_lag, max))], span),
            Chart("Rows flushed a second", axis, [Line("rows", "good", self.rate("flushed"))], _plain),
        ]


def charts(seen: Snapshot, over: Range) -> list[Chart]:
    """Return the overview's charts of a range."""
    of = _Curves(seen.history, over.grain.seconds, seen.now, seen.queue.up)
    axis = of.axis(_moments(datetime.fromtimestamp(seen.now - over.seconds, UTC), seen.versions))
    origins = [Line(name, tone, of.rate(metric)) for metric, name, tone in _ORIGINS]
    memory = of.curve(lambda step: step.get("memory"), max)
    return [
        Chart("Hit ratio", axis, [Line("hits", "good", of.curve(_ratio))], lambda v: f"{v:.0f} %", top=100),
        Chart("Reads a second", axis, origins, _plain),
        *of.flush(axis),
        Chart("Memory of the cache", axis, [Line("used", "good", memory)], _size, unit=2**20),
        Chart("Evictions a minute", axis, [Line("keys", "bad", of.evictions())], _plain),
    ]


def flush_charts(minutes: dict[int, Numbers], now: float) -> list[Chart]:
    """Return those of the flush alone, by the minute, without markers."""
    of = _Curves(minutes, 60, now)
    return of.flush(of.axis())


def _moments(since: datetime, versions: Sequence[VersionRow]) -> list[Moment]:
    """Where somebody flushed or deleted, and where a version was announced, in their order."""
    done = [Moment(event.at, f"{event.action}, {event.target}, {event.who}") for event in history.marked(since)]
    announced = [(datetime.fromtimestamp(row.since, UTC), row) for row in versions if row.since]
    new = [Moment(timezone.localtime(at), f"{row.prefix} was announced") for at, row in announced if at >= since]
    return sorted([*done, *new])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _reads(step: Numbers) -> float:
    return sum(step.get(name, 0) for name in model_stats.READS)


def _ratio(step: Numbers) -> float | None:
    reads = _reads(step)
    return 100 * sum(step.get(name, 0) for name in model_stats.HITS) / reads if reads else None


def _lag(step: Numbers) -> float | None:
    return step["lag_ms"] / step["batches"] / 1000 if step.get("batches") and "lag_ms" in step else None


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def _size(value: float) -> str:
    return filesizeformat(value)
