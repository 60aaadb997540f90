"""How long writes take, by the pattern that each really took: a histogram each."""

import time

from cachedemo.patterns import Pattern
from cachedemo.patterns.written import Written
from cachedemo.protocol.model_stats import Latency

WRITES = {pattern: Latency(f"write_seconds/{pattern}") for pattern in Pattern}


def taken(written: Written, started: float) -> Written:
    """Count a write that has been acknowledged now.

    Args:
        started: when, by `time.perf_counter`.
    """
    WRITES[written.pattern].took(time.perf_counter() - started)
    return written
