"""What else lives in the databases of the cache and of the queue is told."""

from types import SimpleNamespace

import pytest
from django.core.cache import caches

from cachedemo import checks, registry
from cachedemo.checks import celery_app as project
from config import celery_app
from tests.notes.models import Tag

CACHE, QUEUE, OTHER = "redis://cache:6379/0", "redis://:secret@queue:6380/1", "redis://queue:6380/2"
DJANGO, DJANGO_REDIS = "django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"


@pytest.fixture(autouse=True)
def two_servers(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": CACHE, "QUEUE_URL": QUEUE}


def ids(messages):
    return [message.id for message in messages]


@pytest.mark.parametrize("backend", [DJANGO, DJANGO_REDIS])
@pytest.mark.parametrize(
    ("location", "options", "said"),
    [
        (QUEUE, {}, ["cachedemo.E021"]),
        ("redis://queue:6380?db=1", {}, ["cachedemo.E021"]),
        ("redis://queue:6380", {"db": 1}, ["cachedemo.E021"]),
        ("redis://queue:6380", {"db": "1"}, ["cachedemo.E021"]),
        ("valkey://queue:6380/1", {}, ["cachedemo.E021"]),
        (f"{OTHER};{QUEUE}", {}, ["cachedemo.E021"]),
        ([OTHER, QUEUE], {}, ["cachedemo.E021"]),
        (CACHE, {}, ["cachedemo.W021"]),
        (OTHER, {"db": 1}, []),
        (OTHER, {}, []),
        ("redis://queue:6380", {}, []),
        ("/tmp/a-folder", {}, []),
    ],
)
def test_a_cache_of_djangos_is_kept_apart(settings, backend, location, options, said):
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location, "OPTIONS": options}}
    found = checks.check_caches()
    assert ids(found) == said
    assert "secret" not in str(found)


def test_what_the_check_warns_of_is_what_happens(settings, redis_queue):
    """The control: clear() is FLUSHDB."""
    redis_queue.set("{flush:users}:row:1", "acknowledged")
    url = redis_queue.connection_pool.connection_kwargs
    location = f"redis://{url['host']}:{url['port']}/{url['db']}"
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": location}
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": location}}
    assert ids(checks.check_caches()) == ["cachedemo.E021"]
    caches["default"].clear()
    assert redis_queue.dbsize() == 0


def celery_with(monkeypatch, **options):
    configured = SimpleNamespace(**{"broker_url": None, "result_backend": None} | options)
    monkeypatch.setattr(project, "project_settings", lambda: configured)


def test_the_app_that_is_looked_at_is_the_projects_own():
    assert project.project_settings() is celery_app.conf


@pytest.mark.parametrize(("option", "what"), [("broker_url", "broker"), ("result_backend", "result backend")])
def test_celery_is_kept_apart(monkeypatch, option, what):
    for url, role in ((CACHE, "cache"), (QUEUE, "queue")):
        celery_with(monkeypatch, **{option: url})
        [warning] = checks.check_celery()
        assert warning.id == "cachedemo.W022"
        assert warning.msg == f"Celery's {what} is in the database of the {role}."
    celery_with(monkeypatch, **{option: OTHER})
    assert checks.check_celery() == []


def test_sessions_are_not_where_they_are_evicted(settings):
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": OTHER}, "s": {"BACKEND": DJANGO, "LOCATION": CACHE}}
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    assert checks.check_sessions() == []
    settings.SESSION_CACHE_ALIAS = "s"
    assert ids(checks.check_sessions()) == ["cachedemo.W023"]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    assert checks.check_sessions() == []


def test_without_a_queue_there_is_none_to_be_kept_apart_from(settings, monkeypatch):
    monkeypatch.setattr(registry, "_declared", {Tag: registry.cache_for(Tag)})
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": QUEUE}}
    assert checks.check_caches() == []


def test_a_server_that_is_not_set_is_told_by_another_check(settings):
    settings.CACHEDEMO = {}
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": QUEUE}}
    assert checks.check_caches() == []
