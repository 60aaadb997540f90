"""What is said about settings and registrations before anything is served."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import connections

from cachedemo import ModelCache, checks, conf, registry
from cachedemo.exceptions import NotRegistered
from cachedemo.operations import startup
from tests.faults.proxy import HOST, Proxy
from tests.notes.models import Note, Tag

ONE, TWO = "redis://localhost:6379/0", "redis://localhost:6379/1"


def ids(settings, cache, queue):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": cache, "QUEUE_URL": queue}
    return [message.id for message in checks.check_servers()]


@pytest.mark.parametrize(
    ("cache", "queue", "said"),
    [
        (ONE, ONE, ["cachedemo.E002"]),
        (ONE, "redis://127.0.0.1/0", ["cachedemo.E002"]),
        (ONE, "redis://:secret@localhost:6379/00", ["cachedemo.E002"]),
        (TWO, "redis://localhost:6379/0?db=1", ["cachedemo.E002"]),
        (ONE, TWO, ["cachedemo.W001"]),
        ("redis://localhost?db=0", "redis://localhost?db=1", ["cachedemo.W001"]),
        ("unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=1", ["cachedemo.W001"]),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", ["cachedemo.E002"]),
        (ONE, "redis://localhost:6380/0", []),
        (ONE, "http://localhost/0", ["cachedemo.E001"]),
        (ONE, None, ["cachedemo.E001"]),
        (None, ONE, ["cachedemo.E001"]),
    ],
)
def test_cache_and_queue_are_compared_by_where_they_are(settings, cache, queue, said):
    assert ids(settings, cache, queue) == said


def test_without_a_model_that_needs_it_there_need_be_no_queue(settings, monkeypatch):
    monkeypatch.setattr(registry, "_declared", {Tag: registry.cache_for(Tag)})
    assert ids(settings, ONE, None) == []


def test_a_process_that_finds_one_database_behind_two_names_does_not_start(settings, queue_server):
    with Proxy(queue_server.port) as proxy:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis://{HOST}:{proxy.port}/1"}
        with pytest.raises(ImproperlyConfigured, match="the same Redis database"):
            startup.announce_all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "a/b"}, "name = 'a/b'"),
        ({"name": "a:b"}, "name = 'a:b'"),
        ({"name": "a*"}, r"name = 'a\*'"),
        ({"version": -1}, "version = -1"),
        ({"version": "two"}, "version = 'two'"),
        ({"queue": "flush:{notes}"}, "queue = "),
        ({"timout": 5}, "is it timeout?"),
        ({"timeout": None}, "timeout = None: a number of seconds"),
        ({"timeout": "60"}, "timeout = '60': a number of seconds"),
        ({"timeout": 0}, "timeout = 0: a number of seconds"),
        ({"lease_timeout": -5}, "lease_timeout = -5"),
        ({"batch_size": 0}, "batch_size = 0: a whole number from 1 on"),
        ({"max_attempts": True}, "max_attempts = True"),
        ({"pattern": "nonsense"}, "one of cache-aside, write-through, write-behind"),
        ({"fsync_within": 2}, r"less than CACHEDEMO\['TIMEOUT'\], 1.0 seconds"),
        ({"fields": []}, "name the fields"),
        ({"fields": "title"}, "fields = 'title': a list of names, or \"__all__\""),
        ({"fields": {"title", "body"}}, "a list of names"),  # a set has another order in each process
        ({"fields": None}, "fields = None: a list of names"),
        ({"lease_timeout": "15"}, "lease_timeout = '15': a number of seconds"),
        ({"lease_timeout": float("inf")}, "lease_timeout = inf: a number of seconds"),
        ({"timeout": 10**30}, "timeout = 1000000000000000000000000000000: a number of seconds"),
        ({"batch_size": 10**30}, "batch_size = 1000000000000000000000000000000: a whole number"),
        ({"replicas": "1"}, "replicas = '1': a whole number from 0 on"),
        ({"name": 5}, "name = 5: letters"),
        ({"queue": b"flush"}, "queue = b'flush': None, or the name"),
        ({"codecs": [("title", str)]}, r"codecs = .*: a dict"),
        ({"manager": ["objects"]}, r"manager = \['objects'\]: None, or the name of a manager"),
        ({"lookups": None}, "lookups = None: a list of names"),
        ({"lookups": "title"}, "lookups = 'title': a list of names"),
    ],
)
def test_an_option_that_would_not_do_is_refused(monkeypatch, wrong, words):
    refused(monkeypatch, ImproperlyConfigured, wrong, words)


@pytest.mark.parametrize("field", ["cache_stamp", "id", "nonsense"])
def test_a_field_that_cannot_be_cached_is_refused(monkeypatch, field):
    refused(monkeypatch, FieldDoesNotExist, {"fields": ["title", field]}, field)


def refused(monkeypatch, error, wrong, words):
    monkeypatch.setattr(registry, "_declared", {})
    declared = type("Odd", (ModelCache,), {"fields": ["title"], **wrong})
    with pytest.raises(error, match=words):
        registry.register(Note)(declared)
    assert registry.registered() == []


def test_operators_pages_without_htmx_are_warned_of(settings):
    assert checks.check_htmx() == []
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "django_htmx"]
    assert [message.id for message in checks.check_htmx()] == ["cachedemo.W003"]


def test_asking_for_the_cache_of_what_is_no_model_is_told_so(users):
    for wrong in (Note(), "notes.Note"):
        with pytest.raises(NotRegistered, match="name the class itself"):
            registry.cache_for(wrong)


def test_a_value_that_is_invalid_is_an_error(settings):
    assert checks.check_values() == []
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0, "POOL_SIZE": "9"}
    assert [message.id for message in checks.check_values()] == ["cachedemo.E020"] * 2


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("STRICT_READ", "Is it STRICT_READS?"),
        ("cache_url", "Is it CACHE_URL?"),
        ("colour", "Leave it out."),
        (5, "Leave it out."),
    ],
)
def test_a_key_that_nobody_reads_is_a_warning_with_the_likely_one(settings, key, hint):
    settings.CACHEDEMO = {**settings.CACHEDEMO, key: True}
    [warning] = checks.check_values()
    assert (warning.id, warning.hint) == ("cachedemo.W020", hint)


NO_VALUES = (None, "", "a b", 5, -1, 1e300, float("nan"), b"redis://h/0", [], [5], {5: "a"}, Path("/run"), object())


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["CACHE_URL", "QUEUE_URL", *conf.DEFAULTS])
def test_no_value_makes_a_check_fail(settings, name):
    for value in NO_VALUES:
        settings.CACHEDEMO = {**settings.CACHEDEMO, name: value}
        for each in run_checks(databases=["default"]):
            assert each.id.startswith(("cachedemo.", "models.W")), each


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANNEL_LAYERS", None),
        ("CHANNEL_LAYERS", {"default": None}),
        ("CHANNEL_LAYERS", {"default": {"BACKEND": "a_redis_layer", "CONFIG": "none"}}),
        ("CACHES", {"default": {"BACKEND": "a_redis_cache", "LOCATION": 5}}),
    ],
)
def test_what_is_no_setting_of_others_is_left_to_them(settings, name, value):
    setattr(settings, name, value)
    assert not checks.check_channel_layers()
    assert not checks.check_caches()


def test_a_setting_that_is_no_dict_ends_the_start_with_a_sentence_and_does_not_repeat_it(settings):
    settings.CACHEDEMO = "redis://:hush@h/0"
    with pytest.raises(ImproperlyConfigured, match="CACHEDEMO is of type str: write a dict") as error:
        apps.get_app_config("cachedemo").ready()
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("url", ["redis://:hush@h/0", "redis://u:hush@h/0", "redis://h/0?password=hush"])
def test_a_password_that_error_pages_would_show_is_warned_of(settings, url):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    assert checks.check_values() == []
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "django.views.debug.SafeExceptionReporterFilter"
    [warning] = checks.check_values()
    assert warning.id == "cachedemo.W024"
    assert "hush" not in str(warning)
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "there.is.none"
    assert [message.id for message in checks.check_values()] == ["cachedemo.W024"]
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://h/0"}
    assert checks.check_values() == []


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, ["cachedemo.W039"]),
        ({"CONN_MAX_AGE": 60, "USER": "another"}, ["cachedemo.W039"]),
        ({"NAME": "elsewhere"}, []),
        ({"HOST": "elsewhere"}, []),
        ({"TEST": {"MIRROR": "one"}}, []),
        ({"OPTIONS": {"options": "-c search_path=tenant"}}, []),
    ],
)
def test_two_aliases_of_one_database_are_a_warning(monkeypatch, changed, ids):
    """Seen to be read stale: the slot of one alias, after a write by the other."""
    one = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "h",
        "PORT": "",
        "NAME": "shop",
        "OPTIONS": {},
        "TEST": {},
    }
    monkeypatch.setitem(connections.settings, "one", one)
    monkeypatch.setitem(connections.settings, "two", {**one, **changed})
    found = checks.check_one_alias_for_each_database()
    assert [message.id for message in found] == ids
    assert not found or "DATABASES['one'] and DATABASES['two']" in found[0].msg


@pytest.mark.parametrize("engine", ["django_tenants.postgresql_backend", "tenant_schemas.postgresql_backend"])
def test_a_schema_for_each_tenant_is_an_error(settings, monkeypatch, engine):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", engine)
    (error,) = checks.check_schemas()
    assert error.id == "cachedemo.E024"
    assert engine in error.msg


def test_a_database_for_each_tenant_is_none(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "acme", dict(settings.DATABASES["default"]))
    assert checks.check_schemas() == []
