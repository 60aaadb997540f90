"""The numbers of the metrics of each model and of each pattern; `stats.py` counts them."""

import itertools
import time
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from cachedemo.protocol import stats
from cachedemo.protocol.waiting import Claim
from cachedemo.protocol.waiting_fields import oldest_stamp

BUCKETS: Final = (  # seconds
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
BEYOND = "+Inf"  # as Prometheus names the last bucket
SUM = "sum_us"
READS: Final = ("hits", "near", "pending", "source")  # by where the value came from
HITS: Final = READS[:2]  # those that needed no database


class ModelStats:
    """What is counted of one model, besides its reads.

    Args:
        name: of its registration; the label.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.waits = stats.metric(f"waits/{name}")
        self.rejected_fills = stats.metric(f"rejected_fills/{name}")
        self.flushed = stats.metric(f"flushed/{name}")
        self.batches = stats.metric(f"batches/{name}")
        self.retries = stats.metric(f"retries/{name}")
        self.superseded = stats.metric(f"superseded/{name}")
        self.dead_lettered = stats.metric(f"dead_lettered/{name}")
        self.drift = stats.metric(f"drift/{name}")
        self.audited = stats.metric(f"audited/{name}")

    def count_flush(self, claims: Iterable[Claim]) -> None:
        """Count a flushed batch: its rows, and how long the oldest of them had waited."""
        rows = [claim.fields.values() for claim in claims if claim.fields]
        if rows:
            oldest = min(map(oldest_stamp, itertools.chain(*rows)))
            stats.count(self.flushed, len(rows))
            stats.count(self.batches)
            stats.count(stats.LAG_MS, max(0, int(time.time() * 1000) - oldest // 1000))

    def count_not_queued(self, reason: str) -> None:
        """Count a write-behind write that went write-through instead."""
        stats.count(stats.metric(f"not_queued/{self.name}/{reason}"))


UNREGISTERED = ModelStats("unregistered")  # all caches together that are in no registry: no name comes once only


class Latency:
    """A histogram of how long something takes.

    Args:
        name: of the metric, with its label.
    """

    def __init__(self, name: str) -> None:
        # the sum has the last number, so that whoever has room for it has room for all
        self._buckets = [stats.metric(f"{name}/{le}") for le in (*BUCKETS, BEYOND)]
        self._sum = stats.metric(f"{name}/{SUM}")

    def took(self, seconds: float, number: int = 1) -> None:
        """Count one that took so long, or some that took as long each."""
        bucket = self._buckets[bisect_left(BUCKETS, seconds)]
        stats.count_measured(bucket, self._sum, int(seconds * 1_000_000) * number, number)


LOADS = Latency("load_seconds/all")
HIT_LATENCY = Latency("hit_seconds/all")
NEAR_DELAYS = Latency("near_delay_seconds/all")
