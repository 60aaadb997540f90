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


LOCAL = "redis://127.0.0.1/1"  # the usual port


@pytest.fixture
def local_queue(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": LOCAL}


SAME = [
    "redis://localhost/1",
    "redis://LocalHost:6379/1",
    "redis://localhost.:6379/1",
    "redis://[::1]:6379/1",
    "redis://[0:0:0:0:0:0:0:1]/1",
    "redis://[::ffff:127.0.0.1]/1",
    "redis://127.0.0.2/01",
    "redis://0.0.0.0/1",
    "redis://user:pass@127.0.0.1:6379/1",
    "redis://127.0.0.1:6379/0?db=1",
    "redis://127.0.0.1?db=1&socket_timeout=3",
    "redis:///1",
    "rediss://localhost/1",
    "rediss://localhost:6379/1?ssl_cert_reqs=none",
    "valkeys://localhost/1",
]
OTHERS = ["redis://localhost", "redis://localhost/2", "redis://localhost:6380/1", "redis://10.0.0.1/1", "redis://h/1"]


@pytest.mark.usefixtures("local_queue")
@pytest.mark.parametrize("url", [*SAME, *OTHERS])
def test_one_database_has_many_names(settings, monkeypatch, url):
    overlaps = url in SAME
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": [OTHER, url]}}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CHANNELS, "CONFIG": {"hosts": [url]}}}
    assert ids(checks.check_caches()) == ["cachedemo.E021"] * overlaps
    assert ids(checks.check_channel_layers()) == ["cachedemo.W032"] * overlaps
    for option in ("broker_url", "broker_read_url", "broker_write_url", "result_backend"):
        celery_with(monkeypatch, **{option: [OTHER, url]})
        assert ids(checks.check_celery()) == ["cachedemo.W022"] * overlaps


CHANNELS, SENTINELS = "channels_redis.core.RedisChannelLayer", [("s1", 26379), ("s2", 26379)]
SOCKET = "unix:///run/redis/redis.sock?db=1"


@pytest.mark.parametrize(
    ("queue", "cache"),
    [
        ("redis://localhost", {"LOCATION": "localhost:6379"}),
        (LOCAL, {"LOCATION": "localhost:6379/1"}),
        (LOCAL, {"LOCATION": "redis://localhost/", "OPTIONS": {"DB": 1}}),
        (LOCAL, {"LOCATION": "redis://localhost", "OPTIONS": {"CONNECTION_POOL_KWARGS": {"db": 1}}}),
        (SOCKET, {"LOCATION": "unix:///run/redis/../redis/redis.sock?db=1"}),
        (SOCKET, {"LOCATION": "unix:///run/redis/redis.sock", "OPTIONS": {"db": 1}}),
        (SOCKET, {"LOCATION": "unix://user:pass@/run/redis/redis.sock?db=1"}),
        ("redis+cluster://n1,n2", {"LOCATION": ["redis://n0:6379", "redis://n2:6379"]}),
        (
            "redis+sentinel://s0,s1/main/1",
            {"LOCATION": "redis://main/1", "OPTIONS": {"SENTINELS": SENTINELS, "CLIENT_CLASS": "…SentinelClient"}},
        ),
        (
            "redis+sentinel://s0,s1/main/1",
            {
                "BACKEND": "django_cachex.cache.sentinel.ValkeySentinelCache",
                "LOCATION": "valkey://main/1",
                "OPTIONS": {"sentinels": SENTINELS},
            },
        ),
        (
            "redis+cluster://n1,n2",
            {"BACKEND": "django_cachex.cache.cluster.RedisClusterCache", "LOCATION": "redis://n2:6379"},
        ),
    ],
)
def test_a_cache_on_the_queue_is_seen_however_its_library_names_it(settings, queue, cache):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": queue}
    settings.CACHES = {"default": {"BACKEND": DJANGO_REDIS, **cache}}
    assert ids(checks.check_caches()) == ["cachedemo.E021"]
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": "redis://elsewhere/1"}
    assert checks.check_caches() == []


@pytest.mark.parametrize(
    ("queue", "options"),
    [
        (SOCKET, {"broker_url": "redis+socket:///run/redis/redis.sock?virtual_host=1"}),
        (SOCKET, {"result_backend": "redis+socket:///run/redis/redis.sock?virtual_host=1"}),
        (LOCAL, {"result_backend": "redis", "redis_db": 1}),
        ("redis://h:7/2", {"result_backend": "redis", "redis_host": "h", "redis_port": 7, "redis_db": 2}),
        (LOCAL, {"broker_url": "amqp://h;redis://:secret@localhost:6379/1"}),
        (
            "redis+sentinel://s0,s1/main/1",
            {
                "broker_url": "sentinel://:secret@s1:26379/1;sentinel://s2:26379/1",
                "broker_transport_options": {"master_name": "main"},
            },
        ),
    ],
)
def test_celery_on_the_queue_is_seen_however_it_names_it(settings, monkeypatch, queue, options):
    celery_with(monkeypatch, **options)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": queue}
    [warning] = checks.check_celery()
    assert warning.id == "cachedemo.W022"
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": "redis://elsewhere/1"}
    assert checks.check_celery() == []


@pytest.mark.parametrize(
    ("queue", "hosts"),
    [
        ("redis://localhost", None),
        ("redis://localhost", [("127.0.0.1", 6379)]),
        (LOCAL, "redis://localhost/1"),
        (LOCAL, [{"address": "redis://localhost/1"}]),
        (LOCAL, [{"address": "redis://localhost", "db": 1}]),
        (LOCAL, [{"address": ("localhost", 6379), "db": 1}]),
        (LOCAL, [{"host": "::1", "port": 6379, "db": 1}]),
        (LOCAL, [{"host": "localhost", "db": 1}]),
        ("redis+sentinel://s1/main/1", [{"sentinels": SENTINELS, "master_name": "main", "db": 1}]),
    ],
)
def test_a_channel_layer_on_the_queue_is_seen_however_it_is_named(settings, queue, hosts):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CHANNELS, "CONFIG": {} if hosts is None else {"hosts": hosts}}}
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": queue}
    [warning] = checks.check_channel_layers()
    assert warning.msg == "CHANNEL_LAYERS['default'] is in the database of the queue."
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": "redis://elsewhere/1"}
    assert checks.check_channel_layers() == []


@pytest.mark.parametrize("hosts", [[None], [3], [("h",)], [("h", "x")], [{}], 7, "", [{"host": None}], ["redis://h/x"]])
def test_what_cannot_be_read_is_left_to_its_own_library(settings, monkeypatch, hosts):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CHANNELS, "CONFIG": {"hosts": hosts}}}
    settings.CACHES = {"default": {"BACKEND": DJANGO, "LOCATION": hosts, "OPTIONS": None}}
    celery_with(monkeypatch, broker_url=hosts, result_backend=hosts)
    assert checks.check_channel_layers() == checks.check_celery() == checks.check_caches() == []


def test_channels_in_memory_are_nowhere(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert checks.check_channel_layers() == []


@pytest.mark.parametrize(
    ("queue", "store"),
    [
        (LOCAL, {"host": "localhost", "port": 6379, "db": 1}),
        (LOCAL, {"url": "redis://localhost/1"}),
        (SOCKET, {"unix_domain_socket_path": "/run/redis/redis.sock", "db": 1}),
    ],
)
def test_a_store_of_sessions_on_redis_is_seen(settings, queue, store):
    settings.SESSION_REDIS = store
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": queue}
    assert checks.check_sessions() == []
    settings.SESSION_ENGINE = "redis_sessions.session"
    assert ids(checks.check_sessions()) == ["cachedemo.W023"]


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
