"""OpenTelemetry: a flush is linked to the requests whose writes it carries; where nobody traces, nothing is asked."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from cachedemo.exceptions import SourceUnavailable
from cachedemo.protocol import database, spans
from cachedemo.testing import assert_cache_trips
from cachedemo.tracing import otel
from tests.helpers import entries
from tests.processes import Process

pytestmark = pytest.mark.usefixtures("people")

TRACES = "{flush:users}:traces"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    otel.instrument(provider)
    yield exporter
    otel.uninstrument()


def named(exporter: InMemorySpanExporter, name: str) -> list[Any]:
    return [span for span in exporter.get_finished_spans() if span.name == f"cachedemo.{name}"]


def test_a_flush_is_linked_to_the_writes_that_it_carries(users: Any, exporter: Any, redis_queue: Any) -> None:
    for pk in (1, 2):
        users.via("write-behind").update(pk, name="Al")
    assert 0 < redis_queue.ttl(TRACES) <= 86_400
    users.flush()
    writes = named(exporter, "write")
    [flush] = named(exporter, "flush")
    assert {link.context.span_id for link in flush.links} == {write.context.span_id for write in writes}
    assert flush.attributes["cachedemo.rows"] == 2
    assert flush.attributes["cachedemo.model"] == "user"
    assert not redis_queue.exists(TRACES)


def test_a_write_says_which_way_it_went_and_why(users: Any, exporter: Any) -> None:
    users.via("write-behind").write(1, {"email": "al@example.com"})
    users.via("write-behind").increment(1, visits=1)
    users.create(name="Dan", email="dan@example.com")
    said = [(w.attributes["cachedemo.pattern"], w.attributes["cachedemo.reason"]) for w in named(exporter, "write")]
    assert said == [("write-through", "unique field"), ("write-behind", ""), ("cache-aside", "")]


def test_a_miss_has_a_span_and_a_hit_has_none(users: Any, exporter: Any) -> None:
    users.read(1), users.read(1), users.get(1)
    assert [span.name for span in exporter.get_finished_spans()] == ["cachedemo.load"]


def test_an_error_is_named_without_what_it_says(users: Any, exporter: Any, monkeypatch: Any) -> None:
    def gone(*arguments: Any) -> None:
        raise SourceUnavailable("the secret reason")

    monkeypatch.setattr(database, "select", gone)
    with pytest.raises(SourceUnavailable):
        users.read(1)
    [load] = named(exporter, "load")
    assert load.status.description == "SourceUnavailable"
    assert "secret" not in load.to_json()


def test_what_waits_has_the_same_bytes_traced_or_not(users: Any, exporter: Any, redis_queue: Any) -> None:
    def waiting() -> dict[bytes, bytes]:
        users.via("write-behind").update(1, name="Al", visits=3)
        found = entries(redis_queue, "{flush:users}:row:1")
        users.drain(timeout=5)
        return {name: value[16:] for name, value in found.items()}  # behind the stamp

    traced = waiting()
    otel.uninstrument()
    assert waiting() == traced


def test_where_nobody_traces_no_server_is_asked_and_nothing_noted(users: Any, redis_queue: Any) -> None:
    users.read(1)
    with assert_cache_trips(cache=2, queue=1):
        users.via("write-behind").update(1, name="Al")
    with assert_cache_trips(cache=1, queue=3):
        users.flush()
    assert not redis_queue.exists(TRACES)


def test_a_span_that_nobody_keeps_is_not_noted(users: Any, redis_queue: Any) -> None:
    otel.instrument(TracerProvider(sampler=ALWAYS_OFF))
    try:
        users.via("write-behind").update(1, name="Al")
        assert not redis_queue.exists(TRACES)
        users.flush()
    finally:
        otel.uninstrument()


@pytest.mark.parametrize("note", [b"", b"no traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"])
def test_a_note_that_cannot_be_read_is_no_link(users: Any, exporter: Any, redis_queue: Any, note: bytes) -> None:
    users.via("write-behind").update(1, name="Al")
    redis_queue.hset(TRACES, "1", note)
    users.flush()
    assert named(exporter, "flush")[0].links == ()


def test_a_key_that_is_somebody_elses_stops_neither_write_nor_flush(
    users: Any, exporter: Any, redis_queue: Any
) -> None:
    redis_queue.set(TRACES, "not ours")
    users.via("write-behind").update(1, name="Al")
    assert users.flush() == 1
    assert redis_queue.get(TRACES) == b"not ours"


def test_a_span_is_made_from_instrument_to_uninstrument(users: Any, exporter: Any) -> None:
    assert spans.tracer is not None
    with spans.span("flush", users.table) as span:
        assert span.is_recording()
    otel.uninstrument()
    with spans.span("flush", users.table) as nothing:
        assert nothing is None


STORY = """
import json
from django.test import Client
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
DjangoInstrumentor().instrument(), RedisInstrumentor().instrument(), CeleryInstrumentor().instrument()
from cachedemo.tracing import otel
otel.instrument()

from config.celery import app
from cachedemo.tasks import flush
answer = Client().patch("/api/write-behind/users/1", {"visits": {"increment": 1}}, content_type="application/json")
assert answer.status_code == 202, answer.content
app.conf.task_always_eager = True
flush.apply(["flush:users"])
for span in exporter.get_finished_spans():
    print(json.dumps({
        "name": span.name,
        "scope": span.instrumentation_scope.name,
        "trace": span.context.trace_id,
        "id": span.context.span_id,
        "parent": span.parent and span.parent.span_id,
        "links": [[link.context.trace_id, link.context.span_id] for link in span.links],
    }))
"""


def test_beside_the_instrumentations_of_redis_celery_and_django(run_code: Callable[..., Process]) -> None:
    process = run_code(STORY, OPEN_ACCESS="True", ALLOWED_HOSTS="testserver", PYTHONWARNINGS="ignore")
    process.finish()
    found = [json.loads(line) for line in process.output().splitlines() if line.startswith('{"name"')]
    by_id = {span["id"]: span for span in found}

    def chain(span: dict[str, Any]) -> list[str]:
        parent = by_id.get(span["parent"])  # that of a thread may not be over yet
        return [span["scope"].rpartition(".")[2], *(chain(parent) if parent else [])]

    [write] = [span for span in found if span["name"] == "cachedemo.write"]
    [flush] = [span for span in found if span["name"] == "cachedemo.flush"]
    assert chain(write) == ["cachedemo", "django"]
    assert chain(flush) == ["cachedemo", "celery"]
    assert flush["links"] == [[write["trace"], write["id"]]]
    assert write["trace"] != flush["trace"]
    inside = {tuple(chain(span)) for span in found if span["scope"].endswith("redis")}
    assert {("redis", "cachedemo", "django"), ("redis", "cachedemo", "celery")} <= inside
