"""Spans for those who trace requests through many services; `tracing/otel.py` makes them with OpenTelemetry.

While nobody traces, nothing is made, and no server is asked. What waits is as ever, traced or not: where a write came
from is noted beside it, in a hash of its own, and the flush that writes it takes the note.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.server_errors import Error

KEPT = 86_400  # seconds: what has waited for longer is not linked any more


class Tracer(Protocol):
    """Who traces."""

    def span(self, name: str, table: CachedTable, links: Iterable[str]) -> AbstractContextManager[Any]:
        """Open a span; `links` are what `here` has returned in other spans."""

    def here(self) -> str:
        """Return the span under way as a traceparent (W3C); empty if it is not to be kept."""


tracer: Tracer | None = None


def span(name: str, table: CachedTable, links: Iterable[str] = ()) -> AbstractContextManager[Any]:
    """Open a span, where somebody traces; the context is None where nobody does."""
    return nullcontext() if tracer is None else tracer.span(name, table, links)


def note(table: CachedTable, pk: Any) -> None:
    """Note which span a write that is about to wait comes from. The last one of a row counts."""
    if tracer is None or not (parent := tracer.here()):
        return
    key = _key(table)
    _ask([("HSET", key, str(pk), parent), ("EXPIRE", key, KEPT)])


def noted(table: CachedTable, pks: Iterable[str]) -> list[str]:
    """Return, and forget, where writes of these rows came from; nothing while nobody traces."""
    pks = list(pks)
    if tracer is None or not pks:
        return []
    found, _ = _ask([("HMGET", _key(table), *pks), ("HDEL", _key(table), *pks)]) or ([], 0)
    return sorted({each.decode() for each in found if each} if isinstance(found, list) else ())


def _ask(commands: list[tuple[Any, ...]]) -> Any:
    """Ask the queue server. A link that is lost stops no write, nor its flush."""
    try:
        return QUEUE.pipeline(commands)
    except (CachedemoError, Error):
        return None


def _key(table: CachedTable) -> str:
    return table.queue.key("traces")
