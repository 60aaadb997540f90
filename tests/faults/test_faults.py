"""The short version of `make faults`, on the engines that the tests are on, and that it leaves nothing behind."""

import signal
import tempfile
from pathlib import Path

import pytest

from tests.engines import words
from tests.helpers import until
from tests.processes import children_of, is_alive


@pytest.fixture
def folder():
    """Where the run has its temporary files; another account must get there, for root may not run PostgreSQL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def faults(run_python, folder):
    """Start `python -m tests.faults`."""

    def start(*options):
        process = run_python("-m", "tests.faults", "--seed", "1", *options, TMPDIR=str(folder))
        process.says("seed 1", timeout=60)
        return process

    return start


@pytest.mark.timeout(240)
def test_some_seconds_of_everything(faults, folder, pytestconfig):
    engines = words(pytestconfig.option)
    minutes = "0.15" if engines else "0.05"
    process = faults("--minutes", minutes, "--queue-kills", "2", "--clients", "2", *engines)
    assert "every promise was kept" in process.finish(timeout=220)
    assert not list(folder.iterdir())


@pytest.mark.skipif("words(config.option)", reason="once is enough")
@pytest.mark.timeout(240)
def test_interrupted_it_leaves_nothing_behind(faults, folder):
    process = faults("--minutes", "5", "--queue-kills", "0", "--clients", "2")
    process.says("queue killed 0 times", timeout=90)
    children = until(lambda: children_of(process.pid))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert not list(folder.iterdir())
    until(lambda: not any(map(is_alive, children)))
