"""The demo's buttons on real processes: what is asked is done to the named part, and to nobody else."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import visitor_actions
from demo.part import PythonPart
from demo.signals import StopSignal
from demo.supervisor import Pause, Supervisor
from demo.visitor_actions import Control
from tests.helpers import until
from tests.processes import is_alive

FAMILY = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def demo(tmp_path, monkeypatch) -> Control:
    monkeypatch.setenv(visitor_actions.FOLDER, "")
    control_of_demo = Control(tmp_path / "control")
    control_of_demo.open()
    return control_of_demo


@pytest.fixture
def worker(tmp_path) -> Iterator[PythonPart]:
    """A process with a child, as Celery's worker has."""
    part = PythonPart("worker", ["-c", FAMILY], tmp_path / "worker.log", lambda part: part.log.stat().st_size > 0)
    part.start()
    until(part.is_up)
    yield part
    for action in ("resume", "kill"):
        Control._do(Control(Path()), part, action)
    part.process.wait(10)


def child_of(part: PythonPart) -> int:
    return int(part.log.read_text())


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_what_was_asked_before_the_demo_began_is_forgotten(tmp_path, monkeypatch, worker):
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "worker.kill").touch()
    monkeypatch.setenv(visitor_actions.FOLDER, "")
    demo = Control(tmp_path / "control")
    demo.open()
    demo.turn([worker])
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(0.3)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_pause_reaches_the_children_too_and_ends(demo, worker):
    visitor_actions.ask("worker", "pause")
    demo.turn([worker])
    until(lambda: status_of(worker.process.pid) == status_of(child_of(worker)) == "T")
    assert visitor_actions.states()["worker"][0] == "paused"
    visitor_actions.ask("worker", "resume")
    demo.turn([worker])
    until(lambda: "T" not in (status_of(worker.process.pid), status_of(child_of(worker))))
    assert visitor_actions.states()["worker"][0] == "runs"


def test_a_kill_is_a_kill_and_the_supervisor_starts_the_part_again(demo, worker):
    said: list[str] = []
    stop = StopSignal()
    supervisor = Supervisor(stop, said.append, demo)
    first = worker.process.pid
    supervisor.watched[worker] = Pause()
    visitor_actions.ask("worker", "kill")
    demo.turn([worker])
    until(lambda: not worker.is_running)
    assert worker.status == -signal.SIGKILL
    demo.turn([worker])
    assert visitor_actions.states()["worker"][0] == "down"
    for pause in supervisor.watched.values():
        supervisor._revive(worker, pause)
        until(pause.is_over)
        supervisor._revive(worker, pause)
    assert worker.is_running
    assert worker.process.pid != first
    demo.turn([worker])
    assert visitor_actions.states()["worker"][0] == "runs"


def test_a_paused_part_is_ended_in_order(demo, worker):
    supervisor = Supervisor(StopSignal(), lambda line: None, demo)
    supervisor.watched[worker] = Pause()
    visitor_actions.ask("worker", "pause")
    demo.turn([worker])
    child = child_of(worker)
    supervisor.end(worker)
    assert worker.status == -signal.SIGTERM, "not killed after a wait"
    subprocess.run([sys.executable, "-c", f"import os; os.kill({child}, 9)"], check=False, stderr=subprocess.DEVNULL)
    until(lambda: not is_alive(child))


@pytest.mark.parametrize(
    ("part", "action"), [("web", "kill"), ("queue server", "pause"), ("worker", "stop"), ("../x", "kill")]
)
def test_nothing_else_can_be_asked(demo, part, action):
    with pytest.raises(ValueError, match="Nobody offers"):
        visitor_actions.ask(part, action)
    assert list(demo.folder.iterdir()) == []
