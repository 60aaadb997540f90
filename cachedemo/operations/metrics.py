"""What Prometheus scrapes: the counters of all processes from the queue server, and what this process sees of both.

Every process counts for itself and sends what is new to the queue server each second (`protocol/stats.py`). So a scrape
of any process has the numbers of all of them, after a fork too: gunicorn's workers and Celery's. A new counter is
counted there, and gets its name for Prometheus here.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.extras import needed_by
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import model_stats, near_processes, stats
from cachedemo.servers.roles import CACHE, QUEUE, Role

with needed_by("cachedemo.metrics", "metrics"):
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
    from prometheus_client.registry import Collector

_ROLES = (CACHE, QUEUE)

Labels = tuple[str, ...]


class Counter(NamedTuple):
    """A counter for Prometheus.

    Attributes:
        name: without `cachedemo_` and `_total`.
        metrics: what is counted in `stats` -> the value of the label that tells them apart; empty if there is none.
        labels: the names of those that the metrics have themselves, and of that one last.
    """

    name: str
    words: str
    metrics: Mapping[str, str]
    labels: Labels


ORIGINS = {"hits": "cache", "near": "near", "pending": "pending", "source": "source"}
COUNTERS = (
    Counter("reads", "Reads, by where the value came from", ORIGINS, ("model", "origin")),
    Counter("read_waits", "Reads that waited for what another reader was loading", {"waits": ""}, ("model",)),
    Counter("rejected_fills", "Loaded rows that a write came before", {"rejected_fills": ""}, ("model",)),
    Counter("flushed_rows", "Rows written to the database by flushes", {"flushed": ""}, ("model",)),
    Counter("flush_batches", "Batches written by flushes", {"batches": ""}, ("model",)),
    Counter("flush_retries", "Batches that the database gave no answer to, tried again", {"retries": ""}, ("model",)),
    Counter("superseded_fields", "Waiting fields that a write came before", {"superseded": ""}, ("model",)),
    Counter("not_queued_writes", "Write-behind that went write-through", {"not_queued": ""}, ("model", "reason")),
    Counter("dead_lettered_rows", "Rows that became dead letters", {"dead_lettered": ""}, ("model",)),
    Counter("audited_slots", "Slots that audits have compared", {"audited": ""}, ("model",)),
    Counter("drifts", "Slots that audits found to disagree with the database", {"drift": ""}, ("model",)),
    Counter("near_reads", "Reads answered by a copy in the process that asked", {"near": ""}, ()),
    Counter("near_changes", "Changes that processes were told of, and dropped copies for", {"near_changes": ""}, ()),
    Counter("breaker_openings", "How often a process has stopped asking", {"breaker_opened": ""}, ("role",)),
)


class Histogram(NamedTuple):
    """A histogram for Prometheus.

    Attributes:
        label: the name of what its metric has behind the slash; empty if that says nothing.
    """

    name: str
    words: str
    label: str


HISTOGRAMS = (
    Histogram("write_seconds", "How long acknowledged writes of one row took, by the way they went", "pattern"),
    Histogram("hit_seconds", "How long a read of one row took that the cache answered", ""),
    Histogram("near_delay_seconds", "How late processes hear of a change: how long a PING of theirs takes", ""),
    Histogram("load_seconds", "How long it took to load what was not cached, with what waits for it", ""),
)


def exposition() -> bytes:
    """Return the metrics in Prometheus' text format; the numbers of a server that is down are left out."""
    metrics = CollectorRegistry(auto_describe=False)
    metrics.register(_Metrics())
    return generate_latest(metrics)


class _Metrics(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _gauge("server_up", "Whether the server answers this process", "role", ((r.name, _up(r)) for r in _ROLES))
        yield _gauge(
            "breaker_open", "Whether this process has stopped asking", "role", ((r.name, _open(r)) for r in _ROLES)
        )
        try:
            totals = stats.totals()
            yield from [_counter(counter, totals) for counter in COUNTERS]
            yield from [_histogram(histogram, totals) for histogram in HISTOGRAMS]
            yield from list(_of_the_queues(list(registry.with_queue())))
            yield from _of_copies(near_processes.of_answer(QUEUE.command(*near_processes.query(time.time()))))
        except Unavailable:
            return


def _of_the_queues(caches: list[ModelCache]) -> Iterator[Metric]:
    names, queues = [str(cache.queue) for cache in caches], [cache.table.queue for cache in caches]
    levels: dict[str, tuple[str, list[float]]] = {
        "pending_rows": ("Rows that wait, dead letters included", [each.depth() for each in queues]),
        "in_flight_rows": ("Rows that flushes are writing", [each.in_flight() for each in queues]),
        "dead_letters": ("Rows that the database has refused", [each.dead_count() for each in queues]),
        "switched_off": ("Whether only the database is asked", [each.closed() is not None for each in queues]),
        "flushing_stopped": (
            "Whether the database refuses the UPDATE",
            [each.stopped() is not None for each in queues],
        ),
        "owed_slots": ("Slots that somebody must empty", [each.owed()[0] for each in queues]),
        "owed_overdue_seconds": ("How long the oldest of these is overdue", [each.owed()[1] for each in queues]),
        "oldest_pending_seconds": ("Age of the oldest write in line", [each.lag() for each in queues]),
        "max_pending_rows": ("Rows that may wait", [cache.max_pending for cache in caches]),
    }
    for name, (words, values) in levels.items():
        yield _gauge(name, words, "queue", zip(names, values, strict=True))


def _of_copies(processes: list[near_processes.Process]) -> Iterator[Metric]:
    sizes = {"rows": sum(each.rows for each in processes), "bytes": sum(each.bytes for each in processes)}
    yield _gauge("near_copies", "Copies that all processes keep together, and their bytes", "unit", sizes.items())
    silent = sum(bool(each.problem) for each in processes)
    states = {"listening": len(processes) - silent, "silent": silent}
    yield _gauge("near_processes", "Processes that keep copies, and those that hear nothing", "state", states.items())


def _counter(counter: Counter, totals: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"cachedemo_{counter.name}", counter.words, labels=counter.labels)
    for name, value in sorted(totals.items()):
        metric, *rest = re.split("[:/]", name, maxsplit=1)
        if not rest and not counter.labels and metric in counter.metrics:
            family.add_metric([], value)
        elif rest and counter.labels and metric in counter.metrics:
            last = counter.metrics[metric]
            values = [*rest[0].split("/", len(counter.labels) - 1 - bool(last)), *([last] if last else [])]
            family.add_metric(values, value)
    return family


def _histogram(histogram: Histogram, totals: Mapping[str, int]) -> HistogramMetricFamily:
    labels = [histogram.label] if histogram.label else []
    family = HistogramMetricFamily(f"cachedemo_{histogram.name}", histogram.words, labels=labels)
    found: dict[str, dict[str, int]] = {}
    for name, value in totals.items():
        if name.startswith(f"{histogram.name}/"):
            _, label, bucket = name.split("/")
            found.setdefault(label, {})[bucket] = value
    for label, counted in sorted(found.items()):
        sum_ = counted.get(model_stats.SUM, 0) / 1_000_000
        family.add_metric([label] if labels else [], list(_cumulative(counted)), sum_)
    return family


def _cumulative(counted: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """Yield the buckets as Prometheus has them: each with all that is below it."""
    so_far = 0
    for le in (*map(str, model_stats.BUCKETS), model_stats.BEYOND):
        so_far += counted.get(le, 0)
        yield le, so_far


def _gauge(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"cachedemo_{name}", words, labels=[label])
    for of, value in values:
        gauge.add_metric([of], value)
    return gauge


def _up(role: Role) -> float:
    try:
        for server in role.servers():
            server.command("PING")
    except Unavailable:
        return 0
    return 1


def _open(role: Role) -> float:
    try:
        return any(server.breaker.state != "closed" for server in role.servers())
    except Unavailable:  # none of a cluster's servers has ever answered
        return 1
