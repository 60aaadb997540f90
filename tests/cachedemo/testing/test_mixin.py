"""CacheTestMixin and the runner, in a project of its own that has the wheel and what the wheel needs, nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cachedemo.testing.project import make
from tests.environment import ROOT
from tests.packages import CORE, EXTRAS, link
from tests.wheels import TIMEOUT

TESTS = (Path(__file__).parent / "django_tests.py").read_text()
# Without the class that has no mixin.
MIXED = TESTS.partition("class WithoutTheMixin")[0]
WITH_SERVERS = MIXED.replace("Case):\n", "Case):\n    embedded_servers = True\n")
NUMBER = TESTS.count("    def test_") + TESTS.count("    async def test_")

pytestmark = pytest.mark.timeout(2 * TIMEOUT)


@pytest.fixture
def packages(installed: Path, tmp_path: Path) -> str:
    """A folder of what is installed where nothing is but the wheel and what that needs."""
    return f"{installed}:{link(tmp_path / 'packages', [*CORE, *EXTRAS['embedded']])}"


def run(project: Path, *arguments: str, packages: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the project's tests, every warning an error: on these packages and nothing else, or on our own."""
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": f"{project}:{packages or ROOT}"}
    alone = ["-S"] if packages else []
    return subprocess.run(
        [sys.executable, *alone, "-W", "error", "-m", "django", "test", "shop", *arguments],
        cwd=project,
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


PROCESSES = pytest.mark.parametrize("arguments", [(), ("--parallel", "2")], ids=["one process", "two"])


@PROCESSES
@pytest.mark.parametrize("name", ["", "a file"], ids=["memory", "file"])
def test_the_tests_of_a_project_pass(tmp_path: Path, arguments: tuple[str, ...], name: str) -> None:
    """On servers that the runner starts."""
    project = make(tmp_path / "project", tests=TESTS)
    ran = run(project, *arguments, TEST_NAME=name)
    assert ran.returncode == 0, ran.stderr
    assert f"Ran {NUMBER} tests" in ran.stderr
    assert "was taken off the queue's list" not in ran.stderr, "nothing is announced as lost between two tests"
    assert not list(project.glob("test-*")), "each process has ended well"


def test_they_pass_where_only_the_wheel_is_installed(packages: str, tmp_path: Path) -> None:
    ran = run(make(tmp_path / "project", tests=TESTS), packages=packages)
    assert ran.returncode == 0, ran.stderr


@PROCESSES
def test_a_class_can_start_servers_under_any_runner(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """With two databases and no server that answers before, too."""
    project = make(tmp_path / "project", tests=WITH_SERVERS)
    folders = tmp_path / "folders"
    folders.mkdir()
    ran = run(project, *arguments, TEST_RUNNER="django.test.runner.DiscoverRunner", TMPDIR=str(folders))
    assert ran.returncode == 0, ran.stderr
    assert f"Ran {NUMBER - 1} tests" in ran.stderr
    assert "W030" in ran.stderr
    assert not list(folders.iterdir()), "the servers' folders are gone"
