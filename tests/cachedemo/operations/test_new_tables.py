"""A table that `migrate` makes has the name of one that was there before, and hands out the same keys."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cachedemo.servers.test_test_runs import CACHES, MODELS, ROOT, SETTINGS

CREATE = """
    from django.db import migrations, models

    class Migration(migrations.Migration):
        initial = True
        operations = [migrations.CreateModel("Book", [
            ("id", models.BigAutoField(primary_key=True)),
            ("cache_stamp", models.BigIntegerField(default=0, editable=False)),
            ("title", models.CharField(max_length=100)),
        ])]
"""
ANOTHER = """
    from importlib import import_module
    from django.db import migrations

    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        operations = [
            migrations.DeleteModel("Book"), *import_module("shop.migrations.0001_initial").Migration.operations,
        ]
"""
BEGIN = """
    Book.objects.create(pk=1, title="old")
    books.warm([1])
    assert books.via("write-behind").update(1, title="waits").title == "waits"
"""
A_NEW_ONE = """
    from django.db import models
    models.QuerySet(Book).bulk_create([Book(pk=1, title="new")])
    assert books.get(1).title == "new", books.read(1)
    books.drain(timeout=5)
    assert Book.objects.get().title == "new"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    settings = SETTINGS.replace('"dev.sqlite3"', 'os.environ.get("FILE", "dev.sqlite3")')
    texts = {"models": MODELS, "caches": CACHES, "settings": settings, "migrations/0001_initial": CREATE}
    for name, text in (texts | {"__init__": "", "migrations/__init__": ""}).items():
        path = tmp_path / "shop" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return tmp_path


def django(project: Path, *arguments: str, **environment: str) -> str:
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{ROOT}", **environment}
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def migrate(project: Path, *arguments: str, **environment: str) -> str:
    return django(project, "-m", "django", "migrate", "-v", "0", "--skip-checks", *arguments, **environment)


def run(project: Path, code: str, **environment: str) -> None:
    setup = "import django; django.setup()\nfrom cachedemo import cache_for\nfrom shop.models import Book\n"
    django(project, "-c", f"{setup}books = cache_for(Book)\n{dedent(code)}", **environment)


def the_database_is_deleted(project: Path) -> None:
    (project / "dev.sqlite3").unlink()


def the_app_is_taken_back(project: Path) -> None:
    migrate(project, "shop", "zero")


def another_table_takes_its_place(project: Path) -> None:
    (project / "shop/migrations/0002_another.py").write_text(dedent(ANOTHER))


@pytest.mark.parametrize("how", [the_database_is_deleted, the_app_is_taken_back, another_table_takes_its_place])
def test_nothing_of_the_old_one_is_shown_or_reaches_it(project: Path, how: Callable[[Path], None]) -> None:
    assert migrate(project) == ""
    run(project, BEGIN)
    how(project)
    migrate(project)
    run(project, A_NEW_ONE)


def test_what_waits_for_a_database_elsewhere_still_waits(project: Path) -> None:
    """Its processes share the queue by mistake: they have acknowledged it."""
    migrate(project)
    run(project, BEGIN)
    migrate(project, FILE="another.sqlite3")
    run(project, 'books.drain(timeout=5)\nassert Book.objects.get().title == "waits"')


def test_without_a_server_a_warning_says_what_may_be_left(project: Path) -> None:
    said = migrate(project, CACHEDEMO_QUEUE_URL="redis://127.0.0.1:1/0")
    assert "New tables, of shop.Book" in said
    assert "cache_switch off" in said
