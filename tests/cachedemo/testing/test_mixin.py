"""CacheTestMixin and the runner, in a project of its own that has the wheel and what the wheel needs, nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cachedemo.testing.project import make
from tests.packages import CORE, EXTRAS, link
from tests.wheels import TIMEOUT

TESTS = (Path(__file__).parent / "django_tests.py").read_text()
WITH_SERVERS = TESTS.replace("Case):\n", "Case):\n    embedded_servers = True\n", 3)  # in each class with the mixin
NUMBER = TESTS.count("    def test_") + TESTS.count("    async def test_")

pytestmark = pytest.mark.timeout(2 * TIMEOUT)


@pytest.fixture
def packages(installed: Path, tmp_path: Path) -> str:
    """What is installed where the project runs."""
    return f"{installed}:{link(tmp_path / 'packages', [*CORE, *EXTRAS['embedded']])}"


def run(project: Path, packages: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the project's tests, every warning an error."""
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{packages}"}
    return subprocess.run(
        [sys.executable, "-S", "-W", "error", "-m", "django", "test", "shop", *arguments],
        cwd=project,
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2")], ids=["one process", "two"])
@pytest.mark.parametrize("name", ["", "a file"], ids=["a database in memory", "in a file"])
def test_the_tests_of_a_project_pass_on_servers_that_the_runner_starts(
    packages: str, tmp_path: Path, arguments: tuple[str, ...], name: str
) -> None:
    project = make(tmp_path / "project", tests=TESTS)
    ran = run(project, packages, *arguments, TEST_NAME=name)
    assert ran.returncode == 0, ran.stderr
    assert f"Ran {NUMBER} tests" in ran.stderr
    assert not list(project.glob("test-*")), "each process has ended well"


@pytest.mark.parametrize("arguments", [(), ("--parallel", "2")], ids=["one process", "two"])
def test_a_class_can_start_servers_under_any_runner(packages: str, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tests = WITH_SERVERS.replace("class WithoutTheMixin(TestCase):", "class WithoutTheMixin:")
    project = make(tmp_path / "project", tests=tests)
    folders = tmp_path / "folders"
    folders.mkdir()
    ran = run(project, packages, *arguments, TEST_RUNNER="django.test.runner.DiscoverRunner", TMPDIR=str(folders))
    assert ran.returncode == 0, ran.stderr
    assert f"Ran {NUMBER - 1} tests" in ran.stderr
    assert not list(folders.iterdir()), "the servers' folders are gone"
