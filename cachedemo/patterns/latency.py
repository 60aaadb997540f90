"""How long writes take, by the pattern that each really took: a histogram each, and a span where somebody traces."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cachedemo.patterns import Pattern
from cachedemo.patterns.written import Written
from cachedemo.protocol import spans
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.model_stats import Latency

WRITES = {pattern: Latency(f"write_seconds/{pattern}") for pattern in Pattern}


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
