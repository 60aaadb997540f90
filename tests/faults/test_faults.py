"""The short version of `make faults`, and that it leaves nothing behind."""

import signal

import pytest

from tests.helpers import until
from tests.processes import children_of, is_alive


@pytest.fixture
def faults(run_python, tmp_path):
    """Start `python -m tests.faults`; its folder for temporary files is `tmp_path/"tmp"`."""
    (tmp_path / "tmp").mkdir()

    def start(*options):
        process = run_python("-m", "tests.faults", "--seed", "1", *options, TMPDIR=str(tmp_path / "tmp"))
        process.says("seed 1")
        return process

    return start


def test_some_seconds_of_everything(faults, tmp_path):
    process = faults("--minutes", "0.05", "--queue-kills", "2", "--clients", "2")
    assert "every promise was kept" in process.finish(timeout=50)
    assert not list((tmp_path / "tmp").iterdir())


def test_interrupted_it_leaves_nothing_behind(faults, tmp_path):
    process = faults("--minutes", "5", "--queue-kills", "0", "--clients", "2")
    process.says("queue killed 0 times")
    children = until(lambda: children_of(process.pid))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert not list((tmp_path / "tmp").iterdir())
    until(lambda: not any(map(is_alive, children)))
