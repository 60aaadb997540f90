"""The tests of a project that uses cachedemo: their keys are their own, without any set-up.

Each test here makes a small project, puts something of a developer's into both servers, and runs that project's tests
in a process of its own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import redis

from cachedemo.protocol import stats
from cachedemo.servers import test_sweeping

ROOT = Path(__file__).resolve().parents[3]

SETTINGS = """
    import os
    SECRET_KEY = "s"
    INSTALLED_APPS = ("django.contrib.contenttypes", "cachedemo", "shop")
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(os.getcwd(), "dev.sqlite3")}}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    USE_TZ = True
    CACHEDEMO = {
        "CACHE_URL": os.environ["CACHEDEMO_CACHE_URL"],
        "QUEUE_URL": os.environ["CACHEDEMO_QUEUE_URL"],
        "TEST_ISOLATION": os.environ.get("ISOLATION") != "off",
        "TIMEOUT": 4.0,  # for no test here is about servers that are late
    }
"""
MODELS = """
    from django.db import models
    from cachedemo.models import Stamped

    class Book(Stamped):
        title = models.CharField(max_length=100)
        class Meta:
            app_label = "shop"
"""
CACHES = """
    import cachedemo
    from shop.models import Book

    @cachedemo.register(Book)
    class BookCache(cachedemo.ModelCache):
        fields = ["title"]
"""
DEVELOPERS = {"v1:book:1": b'V0000000000000005{"id": 1, "title": "developer\'s"}'}
TESTS = """
    from django.test import TestCase, TransactionTestCase
    from cachedemo import cache_for
    from shop.models import Book

    class EachBeginsEmpty:
        def look_and_leave(self):
            books = cache_for(Book)
            with self.assertRaises(Book.DoesNotExist):
                books.get(1)
            self.assertEqual(books.table.queue.depth(), 0)
            Book(pk=1, title="made").save(force_insert=True)
            self.assertEqual(books.get(1).title, "made")
            with self.assertRaises(Book.DoesNotExist):
                books.get(2)

        def queued(self):
            self.look_and_leave()
            cache_for(Book).via("write-behind").update(1, title="waits")
            self.assertEqual(cache_for(Book).table.queue.depth(), 1)
            self.assertEqual(cache_for(Book).get(1).title, "waits")
            self.assertEqual(Book.objects.get(pk=1).title, "made")

        def test_one(self):
            self.queued()

        def test_two(self):
            self.queued()

    class InATransaction(EachBeginsEmpty, TestCase):
        pass

    class WithAFlush(EachBeginsEmpty, TransactionTestCase):
        pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    texts = {"models": MODELS, "caches": CACHES, "settings": SETTINGS, "tests": TESTS, "__init__": ""}
    for name, text in texts.items():
        (tmp_path / "shop" / f"{name}.py").write_text(dedent(text))
    return tmp_path


@pytest.fixture
def developers(redis_cache: redis.Redis, redis_queue: redis.Redis) -> Iterator[Any]:
    """What a development server keeps in both servers: it is to be there as it was."""
    stats.send()
    redis_cache.set("v1:book:1", DEVELOPERS["v1:book:1"], ex=3600)
    redis_queue.rpush("flush:books", "1")
    redis_queue.hset("{flush:books}:row:1", "title", b'0000000000000006"developer waits"')
    redis_queue.zadd("{flush:books}:pending", {"1": 6})

    def everything() -> dict[str, Any]:
        return {
            "cache": {key: redis_cache.get(key) for key in redis_cache.scan_iter()},
            "queue": {key: redis_queue.dump(key) for key in redis_queue.scan_iter()},
        }

    with stats._sending:  # what this process counts comes later
        yield everything


def run(project: Path, *arguments: str, code: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "django", "test", "shop", *arguments] if not code else [sys.executable, "-c", code]
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{ROOT}"}
    known.pop("CACHEDEMO_TEST_RUN", None)
    return subprocess.run(
        command, cwd=project, env={**known, **environment}, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2")])
def test_each_test_begins_empty_and_nothing_of_a_developer_is_touched(
    project: Path, developers: Any, arguments: tuple[str, ...]
) -> None:
    before = developers()
    ran = run(project, *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "Ran 4 tests" in ran.stderr
    assert developers() == before, "also what the run has written itself is gone at its end"


SPAWN = """
import multiprocessing
from django.core.management import execute_from_command_line
multiprocessing.set_start_method("spawn")
execute_from_command_line(["manage.py", "test", "shop", "--parallel", "2"])
"""


def test_so_does_each_in_a_process_that_is_not_forked(project: Path, developers: Any) -> None:
    """As where macOS or Windows run tests in parallel: the run is one that their parent has begun."""
    before = developers()
    ran = run(project, code=SPAWN)
    assert ran.returncode == 0, ran.stderr
    assert "Ran 4 tests" in ran.stderr
    assert developers() == before


def test_without_isolation_they_read_what_the_developer_has(project: Path, developers: Any) -> None:
    """So the tests of this project can see it."""
    assert run(project, ISOLATION="off").returncode != 0


TESTSERVER = """
import django
django.setup()
from django.db import connection
connection.creation.create_test_db(verbosity=0)  # as `manage.py testserver` does, without a test environment
from cachedemo import cache_for
from shop.models import Book
Book(pk=1, title="made").save(force_insert=True)
print(cache_for(Book).get(1).title, cache_for(Book).table.slots.key(1))
"""


def test_a_database_of_another_name_is_a_test_run_too(project: Path, developers: Any) -> None:
    before = developers()
    ran = run(project, code=TESTSERVER)
    title, key = ran.stdout.split()
    assert title == "made"
    assert key.startswith("test:")
    assert developers() == before


RENAMED = """
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = "tenant.sqlite3"
connection.settings_dict["TEST"]["NAME"] = None
from cachedemo import cache_for
from shop.models import Book
print(cache_for(Book).table.slots.key(1)[:5])
"""


def test_a_database_that_a_project_renames_by_itself_is_told_of(project: Path) -> None:
    """Some do that for each tenant, and nothing would be flushed."""
    ran = run(project, code=RENAMED)
    assert ran.stdout.split() == ["test:"]
    assert "DATABASES['default'] has another NAME than when Django was ready" in ran.stderr
    assert "another NAME" not in run(project, code=TESTSERVER).stderr


WITHOUT_A_RUNNER = """
import unittest
import django
django.setup()
from django.core.management import call_command
from django.test import TestCase
from cachedemo import cache_for
from shop.models import Book
call_command("migrate", run_syncdb=True, verbosity=0)

class Rolled(TestCase):
    @classmethod
    def setUpTestData(cls):
        Book(pk=1, title="made").save(force_insert=True)

    def test_it(self):
        self.assertEqual(cache_for(Book).get(1).title, "made")
        cache_for(Book).via("write-behind").update(1, title="waits")
        self.assertEqual(cache_for(Book).get(1).title, "waits")

unittest.main(argv=["-"])
"""


def test_a_test_that_djangos_runner_does_not_run_touches_nothing_either(project: Path, developers: Any) -> None:
    """What it has written is rolled back, in the developer's own database perhaps."""
    before = developers()
    ran = run(project, code=WITHOUT_A_RUNNER)
    assert ran.returncode == 0, ran.stderr
    assert developers() == before


KILLED = """
import django, os, signal
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from django.db import connection
connection.creation.create_test_db(verbosity=0)
from cachedemo import cache_for
from shop.models import Book
Book(pk=1, title="made").save(force_insert=True)
cache_for(Book).get(1)
cache_for(Book).via("write-behind").update(1, title="waits")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_run_sweeps_what_a_killed_one_has_left(
    project: Path, developers: Any, redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    before = developers()
    run(project, code=KILLED)
    assert list(redis_cache.scan_iter("test:*"))
    assert list(redis_queue.scan_iter("*test:*flush:books*"))
    assert run(project).returncode == 0
    assert developers() == before


def test_a_run_of_another_container_is_not_taken_for_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two may have one host name, and each counts its processes anew."""
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)  # the system has no such process
    before = test_sweeping.new_run()
    assert not test_sweeping._is_alive(before, test_sweeping.new_run())
    monkeypatch.setattr(test_sweeping, "_namespace", lambda: 1)
    assert test_sweeping._is_alive(before, test_sweeping.new_run())


def test_keys_that_only_look_like_those_of_a_run_are_left(project: Path, redis_cache: redis.Redis) -> None:
    for key in ("latest:a.1.1:x", "v1:book:test:a.1.1:x", "test:mine:x"):
        redis_cache.set(key, "developer's", ex=600)
    assert run(project).returncode == 0
    assert redis_cache.exists("latest:a.1.1:x", "v1:book:test:a.1.1:x", "test:mine:x") == 3


CHILD = """
import django, os, subprocess, sys
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from cachedemo import cache_for
from shop.models import Book
print(cache_for(Book).table.slots.key(1), flush=True)
if len(sys.argv) < 2:
    subprocess.run([sys.executable, "-c", open("child.py").read(), "child"], check=True)
"""


def test_a_child_process_has_the_same_keys(project: Path) -> None:
    (project / "child.py").write_text(CHILD)
    mine, childs = run(project, code=CHILD).stdout.split()
    assert mine == childs
    assert mine.startswith("test:")


LOCMEM = """
import django
django.setup()
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
EmailBackend()  # a development server may send its mails there
assert mail.outbox == []
from cachedemo import cache_for
from shop.models import Book
print(cache_for(Book).table.slots.key(1))
"""


def test_a_development_server_with_mails_in_memory_is_no_test_run(project: Path) -> None:
    assert run(project, code=LOCMEM).stdout.split() == ["v1:book:1"]


REFUSALS = """
import django
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from django.db import connection
connection.creation.create_test_db(verbosity=0)
from cachedemo import cache_for, conf
from cachedemo.operations import flushdb
from cachedemo.protocol import wake
from shop.models import Book
asked = []
wake.ask_with(asked.append)
Book(pk=1, title="made").save(force_insert=True)
cache_for(Book).via("write-behind").update(1, title="waits")
from django.conf import settings
settings.CACHEDEMO["ALLOW_FLUSHDB"] = True
try:
    flushdb.flush(0, "")
except flushdb.FlushRefused as error:
    print(error, wake._asked, asked)
"""


def test_nothing_goes_to_the_broker_and_flushdb_is_refused(project: Path) -> None:
    said = run(project, code=REFUSALS)
    assert "A test run shares the server" in said.stdout, said.stderr
    assert said.stdout.strip().endswith("set() []")


SAVES = """
    from django.test import TestCase
    from cachedemo import cache_for
    from shop.models import Book

    class OnlySaves(TestCase):
        @classmethod
        def setUpTestData(cls):
            cls.book = Book.objects.create(title="of the class")

        def test_saves_and_reads(self):
            books = cache_for(Book)
            self.book.title = "saved"
            with self.captureOnCommitCallbacks(execute=True):
                self.book.save()
            self.assertEqual(books.get(self.book.pk).title, "saved")
            Book.objects.update(title="all")
            Book.objects.bulk_create([Book(pk=9, title="bulk")])
            self.assertEqual({book.title for book in books.get_many([self.book.pk, 9]).values()}, {"all", "bulk"})
            books.evict([9])
            Book.objects.all().delete()
            with self.assertRaises(Book.DoesNotExist):
                books.get(9)
            self.assertEqual((books.table.queue.depth(), books.drain()), (0, 0))
"""
NOWHERE = {"CACHEDEMO_CACHE_URL": "redis://127.0.0.1:1/0", "CACHEDEMO_QUEUE_URL": "redis://127.0.0.1:1/1"}


def test_a_test_that_only_saves_asks_no_server(project: Path) -> None:
    """So it takes no longer than without cachedemo."""
    (project / "shop" / "tests.py").write_text(dedent(SAVES))
    ran = run(project, **NOWHERE)
    assert ran.returncode == 0, ran.stderr


WRITES = """
    from django.test import TestCase
    from cachedemo import cache_for
    from shop.models import Book

    class WritesLater(TestCase):
        @classmethod
        def setUpTestData(cls):
            cls.book = Book.objects.create(title="of the class")

        def test_what_was_saved_before_is_older(self):
            books = cache_for(Book)
            self.book.title = "saved"
            with self.captureOnCommitCallbacks() as hooks:
                self.book.save()
            self.assertEqual(books.via("write-behind").update(self.book.pk, title="waits").title, "waits")
            for hook in hooks:
                hook()
            self.assertEqual((books.get(self.book.pk).title, books.table.queue.depth()), ("waits", 1))
            self.assertEqual(Book.objects.get().title, "saved")
            books.drain()
            self.assertEqual(Book.objects.get().title, "waits")

        def test_a_save_after_it_takes_its_steps(self):
            books = cache_for(Book)
            books.via("write-behind").update(self.book.pk, title="waits")
            book = Book.objects.get()
            book.save()
            self.assertEqual((book.title, books.table.queue.depth()), ("of the class", 1))
            book.title = "newer"
            book.save()
            self.assertEqual(books.get(book.pk).title, "newer")
            with self.captureOnCommitCallbacks(execute=True):
                Book.objects.update(title="newest")
            self.assertEqual((books.get(self.book.pk).title, books.table.queue.depth()), ("newest", 0))
            self.assertEqual(books.create(title="made").title, "made")

        def test_the_next_test_begins_as_the_first(self):
            self.assertEqual(cache_for(Book).get(self.book.pk).title, "of the class")
            self.assertEqual(cache_for(Book).table.queue.depth(), 0)
"""


def test_from_the_first_write_through_a_cache_on_everything_is_as_ever(project: Path, developers: Any) -> None:
    before = developers()
    (project / "shop" / "tests.py").write_text(dedent(WRITES))
    ran = run(project)
    assert ran.returncode == 0, ran.stderr
    assert developers() == before
