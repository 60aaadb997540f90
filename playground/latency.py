"""Another simulated way to the database for a while, in a process that nobody else is served by."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def source_latency(milliseconds: float) -> Iterator[None]:
    before = settings.CACHEDEMO
    settings.CACHEDEMO = before | {"SOURCE_LATENCY_MS": milliseconds}
    try:
        yield
    finally:
        settings.CACHEDEMO = before
