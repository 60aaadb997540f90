"""The pytest plugin, found by its entry point: with pytest alone, with pytest-django and pytest-xdist, and unused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cachedemo.testing.project import make
from tests.packages import CORE, EXTRAS, link
from tests.wheels import TIMEOUT

TESTS = (Path(__file__).parent / "pytest_tests.py").read_text()
INI = """
[pytest]
django_find_project = false
usefixtures = cachedemo_servers
filterwarnings = error
"""
ALONE = """
import sys
from unittest import TestCase

import pytest


def test_nothing_is_imported_before_a_test_asks_for_it(request):
    assert request.getfixturevalue  # the fixtures are known, and cost nothing
    assert "django" not in sys.modules
    assert "redis" not in sys.modules
    assert {name for name in sys.modules if name.startswith("cachedemo")} == {
        "cachedemo", "cachedemo.testing", "cachedemo.testing.pytest_plugin"
    }
"""
WITHOUT_PYTEST_DJANGO = """
import django
from django.conf import settings


def test_the_fixtures_work(cachedemo_servers, assert_cache_trips, drain):
    django.setup()
    from django.core.management import call_command

    from cachedemo import cache_for
    from shop.models import Book

    call_command("migrate", run_syncdb=True, verbosity=0)
    books = cache_for(Book)
    book = books.create(title="row")
    books.warm([book.pk])
    with assert_cache_trips(1):
        assert books.get(book.pk).title == "row"
    books.via("write-behind").update(book.pk, title="waits")
    assert drain() == 1
    assert Book.objects.get().title == "waits"
"""

pytestmark = pytest.mark.timeout(2 * TIMEOUT)


@pytest.fixture
def run_pytest(installed: Path, tmp_path: Path):
    """Run pytest where the wheel is installed, what it needs, and these packages."""

    def run(*arguments: str, needs: tuple[str, ...] = (), **files: str) -> "subprocess.CompletedProcess[str]":
        requirements = [*CORE, *EXTRAS["embedded"], *map(Requirement, ("pytest", *needs))]
        packages = link(tmp_path / "packages", requirements)
        project = make(tmp_path / "project", **files)
        (project / "pytest.ini").write_text(INI if "pytest-django" in needs else "[pytest]\n")
        known = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "CACHEDEMO_"))}
        return subprocess.run(
            [sys.executable, "-S", "-m", "pytest", "-p", "no:cacheprovider", "shop", *arguments],
            cwd=project,
            env={
                **known,
                "DJANGO_SETTINGS_MODULE": "shop.settings",
                "PYTHONPATH": f"{project}:{installed}:{packages}",
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    return run


def test_a_project_that_does_not_use_it_pays_nothing(run_pytest) -> None:
    ran = run_pytest(test_alone=ALONE)
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def test_it_needs_no_pytest_django(run_pytest) -> None:
    ran = run_pytest(test_fixtures=WITHOUT_PYTEST_DJANGO)
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "pytest-xdist"])
def test_the_tests_of_a_project_pass_on_servers_of_the_sessions_own(run_pytest, arguments: tuple[str, ...]) -> None:
    ran = run_pytest(*arguments, needs=("pytest-django", "pytest-xdist"), test_books=TESTS)
    assert ran.returncode == 0, ran.stdout
    assert f"{TESTS.count('def test_') + 1} passed" in ran.stdout  # one of them twice


def test_djangos_classes_work_under_pytest(run_pytest) -> None:
    tests = (Path(__file__).parent / "django_tests.py").read_text()
    ran = run_pytest(needs=("pytest-django",), test_books=tests)
    assert ran.returncode == 0, ran.stdout
    assert f"{tests.count('def test_')} passed" in ran.stdout
