"""A data migration that saves a registered model, while the test database of a project is being made."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.cachedemo.servers.test_test_runs import NOWHERE, project, run

__all__ = ["project"]

INITIAL = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        operations = [migrations.CreateModel("Book", [
            ("id", models.BigAutoField(primary_key=True)),
            ("cache_stamp", models.BigIntegerField(default=0, editable=False)),
            ("title", models.CharField(max_length=100)),
        ])]
"""
DATA = """
    from django.db import migrations
    from cachedemo import cache_for
    from shop.models import Book as Now

    def save(apps, editor):
        Book = apps.get_model("shop", "Book")
        book = Book(pk=1, title="made")
        book.save()
        book.title = "saved"
        book.save()
        Book.objects.bulk_create([Book(pk=2, title="bulk"), Book(pk=3, title="gone")])
        Book.objects.filter(pk=2).update(title="all")
        Book.objects.filter(pk=3).delete()
        Now.objects.create(pk=4, title="of today")

    def queue(apps, editor):
        cache_for(Now).via("write-behind").update(4, title="through the cache")

    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        atomic = False
        operations = [migrations.RunPython(save), migrations.RunPython(queue)]
"""
TESTS = """
    from django.test import TestCase
    from cachedemo import cache_for
    from shop.models import Book

    class LooksAtTheRows(TestCase):
        def test_they_are_as_the_migration_has_left_them(self):
            found = dict(Book.objects.values_list("pk", "title"))
            self.assertEqual(found, {1: "saved", 2: "all", 4: "through the cache"})
            self.assertEqual(cache_for(Book).get(4).title, "through the cache")
"""
WRITES = """
            book = cache_for(Book).update(1, title="newer")
            self.assertEqual((book.title, cache_for(Book).get(1).title), ("newer", "newer"))
            book.title = "newest"
            book.save()
            self.assertEqual((cache_for(Book).get(1).title, Book.objects.get(pk=1).title), ("newest", "newest"))
"""


def give_migrations(project: Path, tests: str = TESTS) -> Path:
    folder = project / "shop" / "migrations"
    folder.mkdir()
    for name, text in {"__init__": "", "0001_initial": INITIAL, "0002_data": DATA}.items():
        (folder / f"{name}.py").write_text(dedent(text))
    (project / "shop" / "tests.py").write_text(dedent(tests))
    return project


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2"), ("--keepdb",)])
def test_it_needs_no_server(project: Path, arguments: tuple[str, ...]) -> None:
    """Else not even those tests could run that touch no cache."""
    ran = run(give_migrations(project), *arguments, **NOWHERE)
    assert ran.returncode == 0, ran.stderr
    assert "Ran 1 test" in ran.stderr


OTHER = """
    from django.test import TestCase
    from shop.models import Book

    class LooksAtBoth(TestCase):
        databases = {"default", "other"}

        def test_the_second_has_written_to_the_first(self):
            self.assertEqual({book.title for book in Book.objects.all()}, {"from default", "from other"})
            self.assertFalse(Book.objects.using("other").exists())
"""
TO_ANOTHER = """
    from django.db import migrations

    def save(apps, editor):
        apps.get_model("shop", "Book").objects.create(title=f"from {editor.connection.alias}")

    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        operations = [migrations.RunPython(save)]
"""


def test_nor_does_one_that_writes_to_the_database_that_was_made_before(project: Path) -> None:
    give_migrations(project, OTHER)
    (project / "shop" / "migrations" / "0002_data.py").write_text(dedent(TO_ANOTHER))
    with (project / "shop" / "settings.py").open("a") as settings:
        settings.write('DATABASES["other"] = {**DATABASES["default"], "NAME": "other.sqlite3"}\n')
    ran = run(project, **NOWHERE)
    assert ran.returncode == 0, ran.stderr


def test_where_there_are_servers_the_rows_are_like_others(project: Path) -> None:
    """What it has written behind is a row, and no test finds it waiting."""
    ran = run(give_migrations(project, TESTS + WRITES))
    assert ran.returncode == 0, ran.stderr


def test_migrate_itself_takes_all_steps(project: Path) -> None:
    """Others may have cached rows of a database that is no test's, or have queued writes of them."""
    give_migrations(project)
    migrate = "from django.core.management import execute_from_command_line as go; go(['manage.py', 'migrate'])"
    ran = run(project, code=migrate, **NOWHERE)
    assert ran.returncode != 0
    assert "QueueUnavailable: The queue server at 127.0.0.1:1/1 (QUEUE_URL) cannot be reached: start it" in ran.stderr
    assert run(project, code=migrate).returncode == 0


AGAIN = """
import django
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from django.db import connection
from cachedemo import cache_for
from shop.models import Book
connection.settings_dict["TEST"]["NAME"] = "again.sqlite3"  # a file: what is in memory stays as long as it is open
before = connection.settings_dict["NAME"]
for title in ("first", "second"):
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    print(*cache_for(Book).get_many([1, 2]), cache_for(Book).table.queue.depth(), title)
    Book.objects.bulk_create([Book(pk=1, title=title), Book(pk=2, title=title)])
    print(cache_for(Book).get(2).title)
    cache_for(Book).via("write-behind").update(1, title="waits")
    connection.creation.destroy_test_db(before, verbosity=0)
"""


def test_a_database_that_is_made_twice_begins_empty(project: Path) -> None:
    ran = run(project, code=AGAIN)
    assert ran.stdout.split() == ["0", "first", "first", "0", "second", "second"], ran.stderr
