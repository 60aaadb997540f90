"""What a project's whole test run does to those who work beside it: their broker, their cache database, their keys.

Each test here runs the tests of a small project by Django's own runner, in a process of its own.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import redis

from tests.cachedemo.servers.test_test_runs import CACHES, MODELS, ROOT, SETTINGS
from tests.helpers import until

CELERY = """
    from celery import Celery
    app = Celery("shop")  # its broker is in the environment
    app.set_default()
"""
TESTS = """
    import os, pathlib, time
    from django.test import TestCase, TransactionTestCase
    from cachedemo import cache_for, tasks
    from cachedemo.operations import flushdb, flusher, version_deletion
    from cachedemo.servers.roles import CACHE
    from shop.models import Book

    class Works:
        def test_all_that_asks_a_worker(self):
            books = cache_for(Book)
            Book(pk=1, title="made").save(force_insert=True)
            books.via("write-behind").update(1, title="waits")
            tasks.request_flush(books.queue)
            flusher.TURN = -1.0  # so that a turn is over with rows left
            tasks.flush(books.queue)
            version_deletion.begin(books, "1", "a test", even_current=True)
            tasks.request_deletion("book", "1", None)
            self.assertEqual(version_deletion.deletion_progress.find(books, "1").state, "done")
            tasks.begin()

        def test_flushdb(self):
            with self.settings(CACHEDEMO={**self.configured(), "ALLOW_FLUSHDB": True}, DEBUG=True):
                keys = CACHE.command("DBSIZE")
                with self.assertRaisesMessage(flushdb.FlushRefused, "A test run shares the server"):
                    flushdb.flush(keys, CACHE.address)

        def configured(self):
            from django.conf import settings
            return settings.CACHEDEMO

    class InATransaction(Works, TestCase):
        pass

    class WithAFlush(Works, TransactionTestCase):
        pass

    class Stays(TransactionTestCase):
        def test_until_it_is_killed(self):
            if "STAY" not in os.environ:
                return
            Book(pk=1, title="made").save(force_insert=True)
            cache_for(Book).get(1)
            cache_for(Book).via("write-behind").update(1, title="waits")
            pathlib.Path(os.environ["STAY"]).touch()
            time.sleep(60)
"""


OPERATORS = """
    import io
    from django.core.management import CommandError, call_command
    from django.test import TestCase
    from cachedemo import cache_for
    from cachedemo.operations import ping
    from cachedemo.servers.roles import CACHE, QUEUE
    from shop.models import Book

    class Operators(TestCase):
        def command(self, *words):
            said = io.StringIO()
            call_command(*words, stdout=said, stderr=said)
            return said.getvalue()

        def test_the_state_of_the_servers(self):
            self.assertEqual([ping.problem(role) for role in (CACHE, QUEUE)], [None, None])
            for role in (CACHE, QUEUE):
                ping.warnings(role)

        def test_commands_before_anything_was_written(self):
            for words in (["cache_ping"], ["cache_stats"], ["cache_audit"], ["cache_drain"], ["cache_flush"]):
                self.command(*words)
            self.assertIn("1 shard", self.command("cache_shards"))

        def test_switching_off_and_on(self):
            Book(pk=1, title="made").save(force_insert=True)
            self.assertIn("switched off", self.command("cache_switch", "off"))
            with self.assertRaisesMessage(CommandError, "switched off"):
                self.command("cache_shards", "shop.Book", "2")
            self.assertIn("switched on", self.command("cache_switch", "on", "--yes"))
            self.assertIn("2 shards now", self.command("cache_shards", "shop.Book", "2"))
            self.assertEqual(cache_for(Book).get(1).title, "made")
"""


class Broker:
    """A port where a broker would be: it takes connections, counts them and says nothing."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    texts = {"models": MODELS, "caches": CACHES, "settings": SETTINGS, "tests": TESTS}
    texts |= {"c": CELERY, "__init__": "from shop import c"}
    for name, text in texts.items():
        (tmp_path / "shop" / f"{name}.py").write_text(dedent(text))
    return tmp_path


def begin(project: Path, broker: Broker, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{ROOT}"}
    known.pop("CACHEDEMO_TEST_RUN", None)
    return subprocess.Popen(
        [sys.executable, "-m", "django", "test", "shop", *arguments],
        cwd=project,
        env={**known, "CELERY_BROKER_URL": broker.url, **environment},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(project: Path, broker: Broker, *arguments: str, **environment: str) -> str:
    process = begin(project, broker, *arguments, **environment)
    said = process.communicate(timeout=50)[1]
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2")])
def test_nothing_goes_to_the_broker(project: Path, broker: Broker, arguments: tuple[str, ...]) -> None:
    assert "Ran 5 tests" in run(project, broker, *arguments)
    assert broker.connections == 0


def test_what_operators_do_is_done_in_a_test_that_has_not_used_the_servers(project: Path, broker: Broker) -> None:
    (project / "shop" / "tests.py").write_text(dedent(OPERATORS))
    assert "Ran 3 tests" in run(project, broker)


def test_without_isolation_the_broker_is_asked(project: Path, broker: Broker) -> None:
    """So these tests can see it."""
    process = begin(project, broker, "-k", "all_that_asks", ISOLATION="off")
    try:
        until(lambda: broker.connections > 0, timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2")])
def test_a_whole_run_that_is_killed_is_swept_by_the_next(
    project: Path,
    broker: Broker,
    tmp_path: Path,
    redis_cache: redis.Redis,
    redis_queue: redis.Redis,
    arguments: tuple[str, ...],
) -> None:
    def left() -> list[Any]:
        return [*redis_cache.scan_iter("*test:*"), *redis_queue.scan_iter("*test:*")]

    stays = tmp_path / "stays"
    killed = begin(project, broker, *arguments, STAY=str(stays))
    until(stays.exists, timeout=40)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert left()
    run(project, broker, *arguments)
    assert left() == []
