"""A prepared Python that forks a process for each job: Django is set up once, and a job starts in milliseconds.

    nursery = Nursery(log)
    job = nursery.start("tests.faults.jobs:client", seed=1)
    job.kill()                      # or .pause(), .resume(), .wait(timeout).result

Every process here ends with the one that started it, even if that is killed.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from cachedemo.embedded.server import end_with_parent, ends_with_this_process

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30.0  # seconds


class Ended(NamedTuple):
    """How a job ended: its result, or the signal or status instead."""

    status: int  # as subprocess has it: negative is a signal
    result: Any

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Job:
    """One forked process."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.nursery = nursery
        self.pid = pid
        self.ended: Ended | None = None

    def poll(self) -> Ended | None:
        if self.ended is None and (answer := self.nursery.ask(poll=self.pid)):
            self.ended = Ended(*answer)
        return self.ended

    def wait(self, timeout: float = PATIENCE) -> Ended:
        deadline = time.monotonic() + timeout
        while not (ended := self.poll()):
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"A job still ran after {timeout} s.")
            time.sleep(0.005)
        return ended

    def result(self, timeout: float = PATIENCE) -> Any:
        """Wait for the end and return what the job returned; fail with the log unless it ended well."""
        ended = self.wait(timeout)
        assert ended.status == 0, f"The job ended with {ended.status}:\n{self.nursery.log.read_text()[-4000:]}"
        return ended.result

    def signal(self, number: int) -> None:
        if self.poll() is None:  # until it is asked for, its pid is nobody else's
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def is_paused(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Nursery:
    """The prepared process; jobs run in its environment."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.log = log
        self.jobs: list[Job] = []
        self._lock = threading.Lock()
        with log.open("a") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.nursery"],
                cwd=ROOT,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )

    def start(self, job: str, settings: dict[str, Any] | None = None, **arguments: Any) -> Job:
        """Fork a process that calls `module:function` with these arguments, JSON as they are.

        Args:
            settings: entries of CACHEDEMO that are others for this job.
        """
        self.jobs.append(Job(self, self.ask(job=job, arguments=arguments, settings=settings or {})))
        return self.jobs[-1]

    def ask(self, **question: Any) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, f"The nursery has ended:\n{self.log.read_text()[-4000:]}"
        return json.loads(answer)

    def end_jobs(self) -> None:
        """End every job that still runs, and wait for it."""
        for job in self.jobs:
            job.kill()
        for job in self.jobs:
            job.wait()
        self.jobs.clear()

    def end(self) -> None:
        """End every job that still runs, and then the nursery."""
        with contextlib.suppress(AssertionError, OSError):
            self.end_jobs()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]


# in the prepared process


def serve() -> None:
    """Answer one question a line until the end of the input."""
    import django

    django.setup()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a job prints goes into the log
    pipes: dict[int, int] = {}
    for line in sys.stdin:
        question = json.loads(line)
        answer = _poll(question["poll"], pipes) if "poll" in question else _fork(question, pipes)
        print(json.dumps(answer), file=answers, flush=True)


def _fork(question: dict[str, Any], pipes: dict[int, int]) -> int:
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        end_with_parent(parent)
        os._exit(_run(question, writer))
    os.close(writer)
    pipes[pid] = reader
    return pid


def _poll(pid: int, pipes: dict[int, int]) -> tuple[int, Any] | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found:
        return None
    with os.fdopen(pipes.pop(pid)) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def _run(question: dict[str, Any], writer: int) -> int:
    import traceback

    from django.conf import settings

    settings.CACHEDEMO.update(question["settings"])
    module, _, function = question["job"].partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(**question["arguments"])
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
    with os.fdopen(writer, "w") as pipe:
        json.dump(result, pipe)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    serve()
