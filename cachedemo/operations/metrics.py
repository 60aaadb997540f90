"""What Prometheus scrapes: the counters of all processes from the queue server, and what this process sees of both.

Reads and flushes are counted in `protocol/stats.py`: a new counter begins there, and gets its name for Prometheus here.
"""

from collections.abc import Iterable, Iterator

from cachedemo import registry
from cachedemo.exceptions import Unavailable
from cachedemo.extras import needed_by
from cachedemo.protocol import stats
from cachedemo.servers.roles import CACHE, QUEUE, Role

with needed_by("cachedemo.metrics", "metrics"):
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

_ROLES = (CACHE, QUEUE)


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
            yield from _of_the_queue()
        except Unavailable:
            return


def _of_the_queue() -> Iterator[Metric]:
    totals = stats.totals()
    yield _reads(totals)
    yield _counter("flushed_rows", "Rows written to the database by flushes", totals.get("flushed", 0))
    yield _counter("flush_batches", "Batches written by flushes", totals.get("batches", 0))
    queues = [(str(cache.queue), cache.table.queue) for cache in registry.with_queue()]
    yield _gauge("pending_rows", "Rows that wait, dead letters included", "queue", ((n, q.depth()) for n, q in queues))
    yield _gauge(
        "dead_letters", "Rows that the database has refused", "queue", ((n, q.dead_count()) for n, q in queues)
    )
    yield _gauge(
        "switched_off", "Whether only the database is asked", "queue", ((n, q.closed() is not None) for n, q in queues)
    )
    yield _gauge("owed_slots", "Slots that somebody must empty", "queue", ((n, q.owed()[0]) for n, q in queues))
    yield _gauge(
        "oldest_pending_seconds", "Age of the oldest write in line", "queue", ((n, q.lag()) for n, q in queues)
    )


def _reads(totals: dict[str, int]) -> CounterMetricFamily:
    reads = CounterMetricFamily("cachedemo_reads", "Reads, by where the value came from", labels=["origin"])
    for origin, metric in (("cache", "hits"), ("pending", "pending"), ("source", "source")):
        reads.add_metric([origin], totals.get(metric, 0))
    return reads


def _counter(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"cachedemo_{name}", words, value)


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
