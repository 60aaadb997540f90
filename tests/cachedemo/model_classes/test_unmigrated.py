"""Migrations that import a model itself, and so have the model of now and the table of then, as many projects' do."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, models

from cachedemo.protocol import unmigrated
from tests.cachedemo.made_models import made
from tests.cachedemo.servers.test_test_runs import ROOT, SETTINGS

MODELS = """
    from django.db import models
    from cachedemo.models import Stamped

    class Author(models.Model):
        name = models.CharField(max_length=100)

    class Book(Stamped):
        title = models.CharField(max_length=100)
        author = models.ForeignKey(Author, models.CASCADE, null=True)
"""
CACHES = """
    import cachedemo
    from shop.models import Book

    @cachedemo.register(Book)
    class BookCache(cachedemo.ModelCache):
        fields = ["title", "author"]
"""
CREATE = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        initial = True
        operations = [
            migrations.CreateModel("Author", [
                ("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=100)),
            ]),
            migrations.CreateModel("Book", [
                ("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=100)),
                ("author", models.ForeignKey("shop.Author", models.CASCADE, null=True)),
            ]),
        ]
"""
RUN = """
    from django.db import migrations

    def forwards(apps, schema_editor):
        from shop.models import Author, Book
        {code}

    class Migration(migrations.Migration):
        dependencies = [("shop", "{before}")]
        operations = [migrations.RunPython(forwards)]
"""
ADD = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        dependencies = [("shop", "0002_early")]
        operations = [migrations.AddField("Book", "cache_stamp", models.BigIntegerField(default=0, editable=False))]
"""
STEPS = """
        from cachedemo import cache_for
        books = cache_for(Book)
        assert books.get(7).title == "early"
        Book.objects.filter(pk=7).update(title="updated")
        assert books.get(7).title == "updated"
        book = books.get(7)
        book.title = "saved"
        book.save()
        assert books.get(7).title == "saved"
        assert Book.objects.get(pk=7).cache_stamp > 0
"""
BEGIN = """
        Author.objects.create(pk=1, name="Ada")
        Book.objects.bulk_create([Book(pk=7, title="early", author_id=1)])
"""
EARLY = [  # ways to use it
    'Book(pk=2, title="new").save()',
    'book = Book.objects.get(pk=7); book.title = "changed"; book.save()',
    'Book(pk=7, title="changed").save()',
    'Book(pk=7, title="changed").save(update_fields=["title"])',
    'Book.objects.get_or_create(title="new")',
    'Book.objects.bulk_create([Book(title="new")])',
    'assert Book.objects.filter(title="early").update(title="changed") == 1',
    'Book.objects.bulk_update([Book(pk=7, title="changed")], ["title"])',
    'Book.objects.update_or_create(pk=7, defaults={"title": "changed"})',
    '[book.delete() for book in Book.objects.only("title")]',
    "book = Book.objects.get(pk=7); book.refresh_from_db()",
    'assert Book.objects.filter(title="early").delete()[0] == 1',
    "assert Author.objects.get(pk=1).delete()[0] == 2",
    'assert Author.objects.get(pk=1).book_set.get().title == "early"',
]
EACH = f"""
        from django.db import transaction
        failed = []
        for way in {EARLY!r}:
            try:
                with transaction.atomic():
                    exec(way)
                    transaction.set_rollback(True)
            except Exception as error:
                failed.append((way, error))
        assert not failed, failed
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    texts = {"models": MODELS, "caches": CACHES, "settings": SETTINGS, "migrations/0001_initial": CREATE}
    for name, text in (texts | {"__init__": "", "migrations/__init__": ""}).items():
        path = tmp_path / "shop" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return tmp_path


def write(project: Path, number: str, text: str) -> None:
    (project / "shop" / "migrations" / f"{number}.py").write_text(dedent(text))


def migrate(project: Path, *arguments: str) -> None:
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{ROOT}"}
    command = [sys.executable, "-m", "django", "migrate", "-v", "0", "--skip-checks", *arguments]
    ended = subprocess.run(command, cwd=project, env=known, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


def test_a_model_can_be_used_before_its_stamp_is_there(project: Path) -> None:
    write(project, "0002_early", RUN.format(before="0001_initial", code=(BEGIN + EACH).strip()))
    write(project, "0003_stamp", ADD)
    migrate(project)


def test_once_the_stamp_is_there_all_steps_are_taken(project: Path) -> None:
    write(project, "0002_early", RUN.format(before="0001_initial", code=BEGIN.strip()))
    write(project, "0003_stamp", ADD)
    write(project, "0004_late", RUN.format(before="0003_stamp", code=STEPS.strip()))
    migrate(project)


def test_and_so_can_it_be_once_the_stamp_is_taken_away_again(project: Path) -> None:
    backwards = RUN.format(before="0001_initial", code=(BEGIN + EACH).strip()).replace(
        "RunPython(forwards)", "RunPython(lambda apps, schema_editor: None, forwards)"
    )
    write(project, "0002_early", backwards)
    write(project, "0003_stamp", ADD)
    migrate(project)
    migrate(project, "shop", "zero")


def test_a_second_run_goes_on_where_the_first_one_ended(project: Path) -> None:
    write(project, "0002_early", RUN.format(before="0001_initial", code=BEGIN.strip()))
    migrate(project, "shop", "0001")
    write(project, "0003_stamp", ADD)
    write(project, "0004_late", RUN.format(before="0003_stamp", code=STEPS.strip()))
    migrate(project)


def test_no_database_is_asked_once_migrate_has_ended(people: Any, django_assert_num_queries: Any) -> None:
    """Or the queries of somebody's first test would be too many."""
    with made({"title": models.TextField()}) as cache:
        with connection.schema_editor() as editor:
            editor.delete_model(cache.model)
        unmigrated.look_at(cache.model, "default")
        assert unmigrated.is_unmigrated(cache.model, "default")
        with connection.schema_editor() as editor:
            editor.create_model(cache.model)
        emit_post_migrate_signal(0, False, "default")
        with django_assert_num_queries(0):
            assert not unmigrated.is_unmigrated(cache.model, "default")
