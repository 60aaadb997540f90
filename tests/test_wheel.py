"""A wheel of cachedemo holds all of it, and runs in a project that has nothing else of this repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.wheels import TIMEOUT

SETTINGS = """
import os

SECRET_KEY = "for-the-wheel"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "cachedemo", "django_htmx", "shop",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
CACHEDEMO = {"CACHE_URL": os.environ["CACHEDEMO_CACHE_URL"], "QUEUE_URL": os.environ["CACHEDEMO_QUEUE_URL"]}
"""

MODELS = """
from django.db import models

from cachedemo.models import Stamped


class Book(Stamped):
    title = models.CharField(max_length=200)
"""

CACHES = """
import cachedemo
from shop.models import Book


@cachedemo.register(Book)
class BookCache(cachedemo.ModelCache):
    fields = ["title"]
"""

PROGRAM = """
import django

django.setup()

from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import get_template

import cachedemo
from shop.models import Book

call_command("migrate", run_syncdb=True, verbosity=0)
Book.objects.create(pk=1, title="old")
books = cachedemo.cache_for(Book)
cachedemo.announce_all()
print(cachedemo.__file__)
print(books.read(1).origin, books.read(1).origin)
books.via("write-behind").update(1, title="new")
print(books.get(1).title, Book.objects.get(pk=1).title)
print(books.flush(), Book.objects.get(pk=1).title)
get_template("admin/cachedemo/overview.html")
print(bool(finders.find("cachedemo/admin.css")))
"""


@pytest.mark.timeout(2 * TIMEOUT)
def test_the_wheel_holds_every_file_of_the_app(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"cachedemo"}  # and dist-info
    packed = {name for name in names if name.startswith("cachedemo/")}
    files = {path for path in (ROOT / "cachedemo").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {str(path.relative_to(ROOT)) for path in files}


@pytest.mark.timeout(2 * TIMEOUT)
def test_the_installed_wheel_runs_in_a_project_of_its_own(installed: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "shop").mkdir(parents=True)
    for name, text in {"settings": SETTINGS, "shop/__init__": "", "shop/models": MODELS, "shop/caches": CACHES}.items():
        (project / f"{name}.py").write_text(text)
    said = run(PROGRAM, project, PYTHONPATH=f"{installed}:{project}", DJANGO_SETTINGS_MODULE="settings")
    assert said.splitlines() == [
        str(installed / "cachedemo" / "__init__.py"),
        "source cache",
        "new old",
        "1 new",
        "True",
    ]


def run(program: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
