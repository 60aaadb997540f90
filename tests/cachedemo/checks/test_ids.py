"""Each id of a check is triggered by what it is for, and silent without it. The ids are those in the code."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import UserManager
from django.core.checks import run_checks
from django.db import connection, connections, models
from django.test import override_settings

from cachedemo.checks import celery_app as project
from cachedemo.protocol import database_addresses
from tests.cachedemo.checks.test_constraints import constrained
from tests.cachedemo.checks.test_own_sql import Moving
from tests.cachedemo.checks.test_tables import a_view, row_level_security, unmanaged
from tests.cachedemo.made_models import made
from tests.cachedemo.operations.test_forsaken_queues import renamed
from tests.cachedemo.protocol.test_field_codecs import PairField
from tests.environment import ROOT
from tests.faults.proxy import HOST, Proxy
from tests.notes.refusal import allow_every_title, refuse_a_title
from tests.servers import configured

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = {"title": models.CharField(max_length=9)}


def in_code() -> set[str]:
    texts = [path.read_text() for path in (ROOT / "cachedemo").rglob("*.py")]
    return {found for text in texts for found in re.findall(r'"cachedemo\.([EW]\d+)"', text)}


def in_document() -> list[str]:
    return re.findall(r"^\| `cachedemo\.([EW]\d+)` \|", (ROOT / "docs/installing.md").read_text(), re.MULTILINE)


def test_each_id_has_its_line_in_the_document_once() -> None:
    assert sorted(in_document()) == sorted(in_code())


def test_each_id_has_what_triggers_it() -> None:
    assert set(TRIGGERS) == in_code()


def ids() -> list[str]:
    said = [str(message.id) for message in run_checks(databases=["default"])]
    return sorted({each.removeprefix("cachedemo.") for each in said if each.startswith("cachedemo.")})


def ours(**values: Any) -> Any:
    return override_settings(CACHEDEMO={**settings.CACHEDEMO, **values})


def url(role: str) -> str:
    return str(settings.CACHEDEMO[f"{role}_URL"])


def without(names: str, value: str) -> Any:
    return [each for each in getattr(settings, names) if each != value]


@contextmanager
def celery_with(**changed: Any) -> Iterator[None]:
    found = project.project_settings()
    names = ("broker_url", "result_backend", "beat_schedule", "beat_scheduler")
    seen = SimpleNamespace(**{name: getattr(found, name) for name in names} | changed)
    before, project.project_settings = project.project_settings, lambda: seen
    try:
        yield
    finally:
        project.project_settings = before


def schedule(**options: Any) -> Any:
    entries = dict(project.project_settings().beat_schedule)
    return {name: {**entry, "options": options} for name, entry in entries.items()}


def a_cache_at(role: str) -> Any:
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url(role)}}


def a_layer() -> Any:
    return {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [url("QUEUE")]}}}


@contextmanager
def database_with(**changed: Any) -> Iterator[None]:
    database: dict[str, Any] = settings.DATABASES["default"]
    before = dict(database)
    database.update(changed)
    try:
        yield
    finally:
        database.update(before)


def keyed(**options: Any) -> Any:
    return made({**TITLE, "key": models.CharField(primary_key=True, max_length=20, **options)})


def looked_up(**options: Any) -> Any:
    return made({"title": models.CharField(max_length=9, unique=True, **options)}, lookups=["title"])


@contextmanager
def column_with(made_model: Any, table: str) -> Iterator[None]:
    """The column has another collation than the model declares."""
    with made_model as cache, connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{cache.model._meta.db_table}"')
        cursor.execute(f'CREATE TABLE "{cache.model._meta.db_table}" ({table})')
        yield


@contextmanager
def one_database_behind_two_names(queue_port: int) -> Iterator[None]:
    with Proxy(queue_port) as proxy, ours(CACHE_URL=f"redis://{HOST}:{proxy.port}/1"):
        yield


@contextmanager
def live_with_other_fields(redis_queue: Any) -> Iterator[None]:
    key = "{flush:notes}:versions"
    record = redis_queue.hget(key, "1")
    redis_queue.hset(key, "1", record.replace(b'"body"', b'"words"'))
    yield
    redis_queue.hset(key, "1", record)


@contextmanager
def statements_without_an_end() -> Iterator[None]:
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20000" if sqlite else "SET statement_timeout = 0")
    yield
    connection.close()


@contextmanager
def shared_with_another_database(redis_queue: Any) -> Iterator[None]:
    redis_queue.zadd(KEY, {"default 0123456789abcdef elsewhere": time.time()})
    yield
    redis_queue.zrem(KEY, "default 0123456789abcdef elsewhere")


@contextmanager
def two_aliases() -> Iterator[None]:
    one = {**connections.settings["default"], "NAME": "shop", "TEST": {**connections.settings["default"]["TEST"]}}
    connections.settings.update(one=one, two={**one, "CONN_MAX_AGE": 60})
    try:
        yield
    finally:
        del connections.settings["one"], connections.settings["two"]


@contextmanager
def a_trigger() -> Iterator[None]:
    refuse_a_title()
    yield
    allow_every_title()


KEY = f"{{cachedemo}}:{database_addresses.KEY}"
OTHER_FILTER = "django.views.debug.SafeExceptionReporterFilter"
CACHED_SESSIONS = "django.contrib.sessions.backends.cache"
LOOSE = {"sqlite": "varchar(9) COLLATE NOCASE", "postgresql": "char(9)"}

Trigger = Callable[[Any], AbstractContextManager[Any]]
TRIGGERS: dict[str, Trigger] = {
    "E001": lambda at: ours(CACHE_URL="http://h"),
    "E002": lambda at: ours(QUEUE_URL=url("CACHE")),
    "E003": lambda at: made(TITLE, base=models.Model),
    "E004": lambda at: made({"pair": PairField()}),
    "E010": lambda at: keyed(db_collation="NOCASE"),
    "E011": lambda at: column_with(keyed(), f"title text, cache_stamp bigint, key {LOOSE[connection.vendor]}"),
    "E012": lambda at: looked_up(db_collation="NOCASE"),
    "E013": lambda at: column_with(looked_up(), f"id bigint, cache_stamp bigint, title {LOOSE[connection.vendor]}"),
    "E020": lambda at: ours(TIMEOUT=0),
    "E021": lambda at: override_settings(CACHES=a_cache_at("QUEUE")),
    "E022": lambda at: one_database_behind_two_names(at.queue_server.port),
    "E023": lambda at: live_with_other_fields(at.redis_queue),
    "E024": lambda at: database_with(ENGINE="django_tenants.postgresql_backend"),
    "E025": lambda at: unmanaged("notes_note"),
    "W001": lambda at: ours(QUEUE_URL=url("CACHE").rpartition("/")[0] + "/9"),
    "W002": lambda at: database_with(ATOMIC_REQUESTS=True),
    "W003": lambda at: override_settings(INSTALLED_APPS=without("INSTALLED_APPS", "django_htmx")),
    "W010": lambda at: made({**TITLE, "key": models.DecimalField(primary_key=True, max_digits=16, decimal_places=2)}),
    "W020": lambda at: ours(STRICT_READ=True),
    "W021": lambda at: override_settings(CACHES=a_cache_at("CACHE")),
    "W022": lambda at: celery_with(broker_url=url("QUEUE")),
    "W023": lambda at: override_settings(CACHES=a_cache_at("CACHE"), SESSION_ENGINE=CACHED_SESSIONS),
    "W024": lambda at: override_settings(
        CACHEDEMO={**settings.CACHEDEMO, "CACHE_URL": "redis://:hush@h/0"},
        DEFAULT_EXCEPTION_REPORTER_FILTER=OTHER_FILTER,
    ),
    "W025": lambda at: celery_with(beat_schedule={}),
    "W026": lambda at: celery_with(beat_schedule=schedule(queue="x")),
    "W027": lambda at: configured(at.redis_cache, save="3600 1"),
    "W028": lambda at: configured(at.redis_queue, appendfsync="no"),
    "W029": lambda at: statements_without_an_end(),
    "W030": lambda at: ours(CACHE_URL="redis://127.0.0.1:1/0"),
    "W031": lambda at: shared_with_another_database(at.redis_queue),
    "W033": lambda at: made({**TITLE, "objects": UserManager()}),
    "W034": lambda at: constrained(models.Q(stock__gte=0)),
    "W037": lambda at: a_trigger(),
    "W035": lambda at: a_view(),
    "W038": lambda at: row_level_security(),
    "W039": lambda at: two_aliases(),
    "W036": lambda at: unmanaged("notes_note", models.Model),
    "W040": lambda at: renamed(at.redis_queue),
    "W032": lambda at: override_settings(CHANNEL_LAYERS=a_layer()),
    "W041": lambda at: made({**TITLE, "objects": Moving()}),
}
POSTGRESQL_ONLY = ("W038",)
SQLITE_ONLY = ("E010", "E012", "W010")  # elsewhere no name says of itself what a collation is, and a decimal is exact


@pytest.fixture
def at(notes: Any, redis_cache: Any, redis_queue: Any, queue_server: Any) -> Any:
    return SimpleNamespace(redis_cache=redis_cache, redis_queue=redis_queue, queue_server=queue_server)


@pytest.mark.parametrize("id", sorted(in_code()))
def test_an_id_is_triggered_by_what_it_is_for_and_is_silent_without_it(at: Any, id: str) -> None:
    if id in SQLITE_ONLY and connection.vendor != "sqlite":
        pytest.skip("SQLite only")
    if id in POSTGRESQL_ONLY and connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only: pytest --postgresql")
    assert id not in ids()
    with TRIGGERS[id](at):
        assert id in ids()
    assert id not in ids()
