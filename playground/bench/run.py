"""All measurements in their order."""

from typing import Any

from playground.bench import measurements
from playground.bench.measurements import ARTICLE_MS, Progress, Sizes
from playground.latency import source_latency
from playground.throwaway import Throwaway

SOURCE_MS = 5.0  # the way to the database in all measurements but the article's own

Report = dict[str, Any]


def run(sizes: Sizes, source_ms: float, progress: Progress) -> Report:
    """Measure on throwaway rows of the configured database, cache and queue, and return the figures."""
    with Throwaway(sizes.rows) as throwaway:
        cache, pks = throwaway.cache, throwaway.pks
        with source_latency(ARTICLE_MS):
            article = measurements.cold_and_warm(cache, pks, progress)
        with source_latency(source_ms):
            return {
                "article_ms": ARTICLE_MS,
                "source_ms": source_ms,
                "article": article,
                "reads": measurements.zipf_reads(cache, pks[: sizes.hot], sizes.reads, progress),
                "writes": measurements.writes(cache, pks[: sizes.hot], sizes.writes, progress),
                "flush": measurements.flush_throughput(cache, pks, progress),
            }
