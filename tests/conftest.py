"""Fixtures of the whole suite: two real servers, a database file, and processes of our own on them.

Between two tests both servers are emptied; whatever a test does, no key of the cache may be left without a TTL, and
nobody may send KEYS or FLUSHALL.
"""

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from cachedemo.embedded.binary import ServerMissing
from cachedemo.embedded.server import EmbeddedServer
from tests import wheels
from tests.engines import EngineMissing, add_options, choose_engines
from tests.environment import Environment
from tests.faults.nursery import Nursery
from tests.helpers import past_cachedemo
from tests.processes import Process
from tests.servers import servers_of

FORBIDDEN = ("cmdstat_keys", "cmdstat_flushall")

_environment = Environment()
_without_servers = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser.addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and name them in the environment, before anything reads Django's settings."""
    if config.option.help or config.option.version or _is_controller(config):
        return
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        pytest.exit("Unset DJANGO_SETTINGS_MODULE: the tests bring settings of their own.", returncode=1)
    try:
        choose_engines(config.option, _environment)
    except EngineMissing as error:
        pytest.exit(str(error), returncode=1)
    try:
        _environment.start()
    except ServerMissing as error:
        if os.environ.get("CI"):
            pytest.exit(str(error), returncode=1)
        config.stash[_without_servers] = str(error)
    _environment.announce()
    import django

    django.setup()
    if config.getoption("shards"):
        _begin_in_shards(config.getoption("shards"))


def _is_controller(config: pytest.Config) -> bool:
    """Whether this process only hands the tests out: each worker has servers of its own."""
    return bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_unconfigure() -> None:
    _environment.stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if reason := config.stash.get(_without_servers, None):
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


# The servers


@pytest.fixture(scope="session")
def cache_server() -> EmbeddedServer:
    return _environment.cache


@pytest.fixture(scope="session")
def queue_server() -> EmbeddedServer:
    """The queue is its database 1, the broker its database 2."""
    return _environment.queue


@pytest.fixture(scope="session")
def redis_cache() -> redis.Redis:
    """A client of the cache of its own: what the code under test does to its clients does not matter to it."""
    return client_of(os.environ["CACHEDEMO_CACHE_URL"])


@pytest.fixture(scope="session")
def redis_queue() -> redis.Redis:
    """A client of the queue of its own."""
    return client_of(os.environ["CACHEDEMO_QUEUE_URL"])


def client_of(url: str) -> redis.Redis:
    scheme, _, places = url.partition("://")
    if scheme == "redis+sentinel":
        hosts, name, database = places.split("/")
        known = [(host, int(port)) for host, _, port in (each.partition(":") for each in hosts.split(","))]
        return redis.Sentinel(known, socket_timeout=5).master_for(name, db=int(database))
    if scheme != "redis+cluster":
        return redis.Redis.from_url(url, socket_timeout=5)
    return redis.RedisCluster.from_url(f"redis://{places.partition(',')[0]}", socket_timeout=5)  # type: ignore[return-value]


def forget_test_run() -> None:
    """A test may have had settings of its own, in which nothing says that the suite's keys are those of production."""
    from cachedemo.servers import test_runs

    test_runs.forget()


@pytest.fixture(autouse=True)
def clean_servers(
    redis_cache: redis.Redis, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Start from empty servers, and hold the test to the rules when it is over."""
    empty(redis_cache, redis_queue)
    forget_servers()
    yield
    wake_servers()
    forget_test_run()
    immortal = keys_without_ttl(redis_cache)
    forbidden = forbidden_commands(redis_cache) + forbidden_commands(redis_queue)
    empty(redis_cache, redis_queue)
    forget_servers()
    monkeypatch.undo()  # pytest-django sets it up before everything else, so its own end comes later
    assert not patched(), "a test's own method is left in a role"
    assert not immortal, f"keys of the cache without a TTL: {immortal[:10]}"
    assert not forbidden, f"commands that nobody may send: {forbidden}"


def patched() -> list[str]:
    """Return which methods of the roles are a test's own, in whose place the real ones should be again."""
    from cachedemo.servers import roles

    return [name for name, each in vars(roles.Role).items() if getattr(each, "__module__", "").startswith("tests.")]


def wake_servers() -> None:
    """Start again what the test has killed, and wake what it has put to sleep."""
    for server in (_environment.cache, _environment.queue):
        if server.is_running and server.pid:
            os.kill(server.pid, signal.SIGCONT)
        server.start()


def empty(*clients: redis.Redis) -> None:
    for server in (server for client in clients for server in servers_of(client)):
        server.flushdb()
        server.config_resetstat()


def forget_servers() -> None:
    """Let this process forget its connections and what it has announced to servers that are empty now."""
    from cachedemo.servers import roles

    roles.reset()
    with contextlib.suppress(ImportError):
        from cachedemo import registry

        registry.forget_announcements()


def keys_without_ttl(client: redis.Redis) -> list[bytes]:
    return [key for server in servers_of(client) for key in _keys_without_ttl(server)]


def _keys_without_ttl(server: redis.Redis) -> list[bytes]:
    keys = list(server.scan_iter(count=1000))
    with server.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.ttl(key)
        return [key for key, ttl in zip(keys, pipe.execute(), strict=True) if ttl == -1]


def forbidden_commands(client: redis.Redis) -> list[str]:
    return [name for server in servers_of(client) for name in server.info("commandstats") if name in FORBIDDEN]


# The database


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Make the test database, and name it to the processes that the tests start."""
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    url = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = f"sqlite:///{name}" if connection.vendor == "sqlite" else _renamed(url, name)
    yield
    if connection.vendor == "postgresql":  # the sessions of processes that were killed outlive them
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    connection.close()
    if _environment.pgbouncer:
        _environment.pgbouncer.let_go(name)


def _renamed(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture
def people(transactional_db: None) -> list[Any]:
    """The article's three people, ids 1 to 3, as no write has touched them; and nobody else."""
    from django.core.management.color import no_style
    from django.db import connection

    from users.models import User

    rows = [
        User(id=1, name="Alice Singh", email="alice@example.com"),
        User(id=2, name="Bob Pereira", email="bob@example.com"),
        User(id=3, name="Carol Lee", email="carol@example.com"),
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {User._meta.db_table}")  # past the signals, as nothing is cached yet
        past_cachedemo(User).bulk_create(rows)
        for statement in connection.ops.sequence_reset_sql(no_style(), [User]):
            cursor.execute(statement)
    return rows


@pytest.fixture
def users() -> Any:
    """The cache of the example's model."""
    from cachedemo import cache_for
    from users.models import User

    return cache_for(User)


@pytest.fixture
def notes(transactional_db: None) -> Any:
    """The cache of the tests' own model, announced, with two rows that no write has touched."""
    from cachedemo import cache_for
    from tests.notes.models import Note

    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0") for pk in (1, 2)])
    notes = cache_for(Note)
    notes.announce()
    return notes


@pytest.fixture
def short_timeouts(settings: Any) -> None:
    """A sleeping server costs less time than in production; what happens then is the same."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0.3}


@pytest.fixture
def open_access(settings: Any) -> None:
    settings.OPEN_ACCESS = True


@pytest.fixture
def database_gone() -> Iterator[None]:
    """A database that cannot be opened by any new connection."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    close_all_of(connection)
    connection.settings_dict["NAME"] = "/nowhere/at/all.sqlite3"
    yield
    close_all_of(connection)
    connection.settings_dict["NAME"] = name


def close_all_of(connection: Any) -> None:
    """Close the connection, and those of its pool if it has one."""
    connection.close()
    if hasattr(connection, "close_pool"):
        connection.close_pool()


# What is installed from here


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has what the wheel installs, and nothing else."""
    return wheels.install(wheel, tmp_path_factory.mktemp("installed"))


# Processes of our own


@pytest.fixture
def run_python(django_db_setup: None, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """`run_python("manage.py", "check", SETTING="…")` starts a process on the test database; ended with the test."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, **environment: str) -> Process:
            process = Process(*arguments, log=tmp_path / f"process-{next(numbers)}.log", **environment)
            stack.callback(process.end)
            return process

        yield start


@pytest.fixture
def run_code(run_python: Callable[..., Process]) -> Callable[..., Process]:
    """`run_code("from users.models import User; …")` is `run_python` for a piece of code, Django set up before it."""

    def start(code: str, *arguments: str, **environment: str) -> Process:
        return run_python("-c", f"import django\ndjango.setup()\n{code}", *arguments, **environment)

    return start


@pytest.fixture
def start_worker(run_python: Callable[..., Process]) -> Callable[..., Process]:
    """Start a worker of the test's own. `--pool=solo` makes it one process, so that a kill hits all of it."""
    numbers = itertools.count(1)

    def start(*options: str, **environment: str) -> Process:
        name = f"--hostname=own{next(numbers)}@%h"
        process = run_python(*worker_command(name, *options), **environment)
        process.says(" ready.", timeout=60)
        return process

    return start


@pytest.fixture(scope="session")
def prepared_nursery(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery") / "log")
    yield nursery
    nursery.end()


@pytest.fixture
def nursery(prepared_nursery: Nursery) -> Iterator[Nursery]:
    """Forks a process for each job; see tests/faults/nursery.py. No job outlives its test, however that ends."""
    yield prepared_nursery
    prepared_nursery.end_jobs()


@pytest.fixture
def matrix(
    transactional_db: None,
    nursery: Nursery,
    redis_cache: redis.Redis,
    redis_queue: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Three notes and their roles, with short deadlines; see tests/faults/matrix.py."""
    from cachedemo import cache_for
    from tests.faults.matrix import DEADLINE, Matrix
    from tests.faults.roles import shorten
    from tests.notes.models import Note

    notes = cache_for(Note)
    options = notes.table.options
    for owner, name in ((options, "lease_timeout"), (options, "claim_deadline"), (notes.table.slots, "lease_ms")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    shorten(notes, DEADLINE)
    return Matrix(notes, nursery, redis_cache, redis_queue)


@pytest.fixture(scope="module")
def worker(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A real worker with beat, as in the README, that runs until the module's last test is over.

    From its first use on it flushes what any test of the module leaves waiting; keep tests that look at waiting
    writes in a module of their own.
    """
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    process = Process(*worker_command("-B", "--concurrency=1"), log=log)
    process.says(" ready.", timeout=60)
    yield process
    process.end()


def worker_command(*options: str) -> list[str]:
    fast = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return ["-m", "celery", "-A", "config", "worker", "--loglevel=INFO", *fast, *options]


def _begin_in_shards(number: int) -> None:
    from cachedemo import registry
    from cachedemo.model_cache import ModelCache

    ModelCache.queue_shards = number
    for cache in registry.declared():
        cache.table = cache._table()
