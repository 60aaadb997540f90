"""OpenTelemetry: spans of loads, writes and flushes, each flush linked to the requests whose writes it carries.

    from cachedemo.tracing import otel
    otel.instrument()

Beside the instrumentations of redis, Celery and Django, whose spans stand inside of these or around them: a trace then
shows a request, the write in it, and its round trips; and from there the flush that brought it to the database.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cachedemo.extras import needed_by
from cachedemo.protocol import spans
from cachedemo.protocol.cached_table import CachedTable

with needed_by("cachedemo.tracing.otel", "otel"):
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PARENT = "traceparent"
_propagator = TraceContextTextMapPropagator()


def instrument(tracer_provider: Any = None) -> None:
    """Make spans from now on, in this process and its forks.

    Args:
        tracer_provider: OpenTelemetry's; the global one if None.
    """
    spans.tracer = _Tracer(trace.get_tracer("cachedemo", tracer_provider=tracer_provider))


def uninstrument() -> None:
    """Make none any more."""
    spans.tracer = None


class _Tracer:
    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, table: CachedTable, links: Iterable[str]) -> Iterator[trace.Span]:
        """Open a span. An error is named by its class only: what it says may show values."""
        with self._tracer.start_as_current_span(
            f"cachedemo.{name}",
            attributes={"cachedemo.model": table.slots.name, "db.collection.name": table.model._meta.db_table},
            links=[trace.Link(context) for context in map(_context, links) if context.is_valid],
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
                raise

    def here(self) -> str:
        """Return the span under way; none that is not sampled, since nobody will see it."""
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return ""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(_PARENT, "")


def _context(parent: str) -> trace.SpanContext:
    return trace.get_current_span(_propagator.extract({_PARENT: parent})).get_span_context()
