"""How long writes take, by the pattern that each really took: a histogram each, and a span where somebody traces."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cachedemo.patterns import Pattern
from cachedemo.patterns.written import Written
from cachedemo.protocol import spans
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.model_stats import Latency

SAVE, DELETE = "save", "delete"  # what goes one way, whatever the pattern
WRITES = {way: Latency(f"write_seconds/{way}") for way in (*Pattern, SAVE, DELETE)}


@contextmanager
def measured(table: CachedTable) -> Iterator[Callable[[Written], Written]]:
    """Measure a write, which is told to the callable once it is acknowledged; one that fails is in no histogram."""
    started = time.perf_counter()
    with spans.span("write", table) as span:

        def acknowledged(written: Written) -> Written:
            WRITES[written.pattern].took(time.perf_counter() - started)
            if span is not None:
                span.set_attributes({"cachedemo.pattern": written.pattern.value, "cachedemo.reason": written.reason})
            return written

        yield acknowledged


@contextmanager
def measured_as(way: str) -> Iterator[None]:
    """Measure a block that does a SAVE or a DELETE; one that fails is in no histogram."""
    started = time.perf_counter()
    yield
    WRITES[way].took(time.perf_counter() - started)
