"""The demo as people meet it: one command, things to kill, Ctrl-C; and nothing left behind, whatever ends it."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cachedemo.embedded.server import ends_with_this_process
from config import environment
from demo import running
from tests.environment import ROOT
from tests.helpers import until
from tests.processes import children_of, is_alive

UP = "Ctrl-C stops everything"
START_LIMIT = 60.0


class DemoProcess:
    """A real `manage.py demo` in a folder of its own, on a port that is taken so that it must find the next one."""

    def __init__(self, var: Path, *options: str) -> None:
        self.var = var
        self.log = var.parent / "demo.out"
        bare = {name: value for name, value in os.environ.items() if name not in environment.DEFAULTS}
        bare.pop("DJANGO_SETTINGS_MODULE", None)
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo", *options],
                cwd=ROOT,
                env=bare | {"CACHEDEMO_VAR": str(var)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ends_with_this_process(),
            )

    def output(self) -> str:
        return self.log.read_text()

    def says(self, text: str, timeout: float = START_LIMIT) -> None:
        until(lambda: text in self.output() or self.process.poll() is not None, timeout)
        assert text in self.output(), self.output()

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.output())
        assert match, self.output()
        return match[1]

    def children(self) -> dict[str, int]:
        """Return the demo's own processes by what they are."""
        names = {"runserver": "web", " beat": "beat", " worker": "worker"}
        found = {}
        for pid, command in children_of(self.process.pid).items():
            found[next((name for word, name in names.items() if word in command), command)] = pid
        return found

    def everybody(self) -> set[int]:
        """Return all processes that the demo has started, and those that they have."""
        found: set[int] = set()
        waiting = [self.process.pid]
        while waiting:
            below = set(children_of(waiting.pop()))
            found |= below
            waiting += below
        return found


def http_status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def demo(taken_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo that the tests below use one after the other; the last of them stops it."""
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "var", "--port", str(taken_port))
    demo.says(UP)
    with redis.Redis.from_url(demo.found(r"Queue server +(\S+)")) as client:
        client.set("acknowledged", "yes")
    yield demo
    with contextlib.suppress(ProcessLookupError):
        demo.process.kill()


def test_a_taken_port_gets_the_next_free_one_said_in_a_line(demo: DemoProcess, taken_port: int) -> None:
    port = int(demo.found(r"is taken: the pages are on (\d+)"))
    assert port > taken_port
    assert http_status(f"http://127.0.0.1:{port}/admin/login/") == 200


def test_the_admin_password_is_printed_and_kept_for_its_owner_alone(demo: DemoProcess) -> None:
    kept = demo.var / "admin-password"
    assert kept.read_text().strip() == demo.found(r"admin, password (\S+)")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_the_roles_are_two_servers_with_their_own_rules(demo: DemoProcess) -> None:
    cache, queue = demo.found(r"Cache server +(\S+)"), demo.found(r"Queue server +(\S+)")
    with redis.Redis.from_url(cache) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    with redis.Redis.from_url(queue) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
    assert (cache[-2:], queue[-2:]) == ("/0", "/1")


def test_last_weeks_entries_are_there_with_a_ttl(demo: DemoProcess) -> None:
    with redis.Redis.from_url(demo.found(r"Cache server +(\S+)")) as client:
        keys = list(client.scan_iter("v1:user:*", count=1000))
        assert len(keys) == 200
        assert min(client.ttl(key) for key in keys) > 0


def test_a_second_demo_in_the_same_folder_is_refused(demo: DemoProcess, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CACHEDEMO_VAR": str(demo.var)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1
    assert answer.stderr.strip().startswith(f"A demo already runs in {demo.var} (process {demo.process.pid})")
    assert len(answer.stderr.strip().splitlines()) == 1


def in_a_second_terminal(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_command_in_a_second_terminal_finds_the_demo_by_itself(demo: DemoProcess) -> None:
    code = "from cachedemo import cache_for; from users.models import User; print(cache_for(User).get(1).name)"
    shell = in_a_second_terminal("shell", "-c", code, CACHEDEMO_VAR=str(demo.var))
    assert shell.stdout.strip().endswith("Alice Singh"), shell.stderr
    assert f"Using the demo that runs in {demo.var}" in shell.stderr
    ping = in_a_second_terminal("cache_ping", CACHEDEMO_VAR=str(demo.var))
    assert ping.stdout.count("PONG") == 2
    assert stat.S_IMODE((demo.var / running.FILE).stat().st_mode) == 0o600


def test_where_another_server_is_named_that_one_is_used(demo: DemoProcess) -> None:
    named = {"REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": "mine"}
    ping = in_a_second_terminal("cache_ping", CACHEDEMO_VAR=str(demo.var), **named)
    assert "Using the demo" not in ping.stderr
    assert "PONG" not in ping.stdout


def test_each_part_that_is_killed_comes_back(demo: DemoProcess) -> None:
    queue = demo.found(r"Queue server +(\S+)")
    with redis.Redis.from_url(queue) as client:
        killed = client.info("server")["process_id"]
    before = demo.children()
    pool = set(children_of(before["worker"]))
    assert pool
    for pid in (before["worker"], killed):
        os.kill(pid, signal.SIGKILL)
    demo.says("The worker runs again.")
    demo.says("The queue server runs again.")
    assert demo.children()["worker"] != before["worker"]
    until(lambda: not any(map(is_alive, pool)))
    with redis.Redis.from_url(queue) as client:
        assert client.get("acknowledged") == b"yes"


def test_ctrl_c_ends_everything_in_order_and_leaves_nothing(demo: DemoProcess) -> None:
    everybody = demo.everybody()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0, demo.output()
    stopped = re.findall(r"The ([\w ]+) has stopped", demo.output())
    assert stopped == ["web", "beat", "worker", "cache server", "queue server"]
    assert not any(map(is_alive, everybody))
    assert "Pending writes are in the database." in demo.output()
    assert not (demo.var / running.FILE).exists()
    assert "SECRET_KEY is not set" in in_a_second_terminal("cache_ping", CACHEDEMO_VAR=str(demo.var)).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_the_data_survives_a_restart_and_kill_9_leaves_nothing(demo: DemoProcess) -> None:
    demo.process.send_signal(signal.SIGTERM)  # where the test above has not ended it
    assert demo.process.wait(60) == 0
    again = DemoProcess(demo.var, "--port", "0", "--host", "127.0.0.1")
    try:
        again.says(UP)
        with redis.Redis.from_url(again.found(r"Queue server +(\S+)")) as client:
            assert client.get("acknowledged") == b"yes"
        assert again.found(r"admin, password (\S+)") == (demo.var / "admin-password").read_text().strip()
        everybody = again.everybody()
        assert len(everybody) >= 5
    finally:
        again.process.kill()
        again.process.wait()
    until(lambda: not any(map(is_alive, everybody)))


def test_an_address_that_is_not_ours_is_a_sentence(tmp_path: Path) -> None:
    failed = DemoProcess(tmp_path / "var", "--host", "192.0.2.7")
    assert failed.process.wait(30) == 1
    assert failed.output().strip().endswith("name an address of this machine with HOST=…")
    assert "Traceback" not in failed.output()


@pytest.mark.parametrize("port", ["80000", "-1"])
def test_a_number_that_is_no_port_is_refused_as_that(tmp_path: Path, port: str) -> None:
    failed = DemoProcess(tmp_path / "var", f"--port={port}")
    assert failed.process.wait(30) == 1
    assert (
        failed.output().strip()
        == f"{port} is no port: name one from 1 to 65535 with PORT=…, or 0 for any that is free."
    )


@pytest.mark.parametrize("command", ["cache_ping", "cache_bench", "demo", "migrate"])
def test_the_help_of_a_command_needs_no_secret(tmp_path: Path, command: str) -> None:
    said = in_a_second_terminal(command, "--help", CACHEDEMO_VAR=str(tmp_path))
    assert said.stdout.startswith(f"usage: manage.py {command}"), said.stderr
