"""The embedded server: found, started, stopped, and never left behind."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from cachedemo.embedded import binary
from cachedemo.embedded.binary import ServerMissing, find_server, version_of
from cachedemo.embedded.server import EmbeddedServer, ServerFailed
from tests.helpers import until
from tests.processes import is_alive


def config_of(server: EmbeddedServer, *names: str) -> dict[str, str]:
    with redis.Redis.from_url(server.url(), decode_responses=True) as client:
        return client.config_get(*names)


def fake_server(folder: Path, name: str, answer: str) -> Path:
    binary = folder / name
    binary.write_text(f"#!/bin/sh\necho '{answer}'\n")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def test_the_cache_may_vanish_and_has_a_bound(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        assert config_of(server, "save", "appendonly", "maxmemory", "maxmemory-policy") == {
            "save": "",
            "appendonly": "no",
            "maxmemory": str(64 * 1024 * 1024),
            "maxmemory-policy": "allkeys-lru",
        }


def test_the_queue_writes_each_command_to_disk_and_evicts_nothing(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, role="queue") as server:
        assert config_of(server, "appendonly", "appendfsync", "maxmemory", "maxmemory-policy") == {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory": "0",
            "maxmemory-policy": "noeviction",
        }


def test_a_server_listens_on_loopback_only(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        assert config_of(server, "bind", "protected-mode") == {"bind": "127.0.0.1", "protected-mode": "yes"}


def test_options_go_before_the_roles_settings(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, maxmemory="3mb", requirepass="secret") as server:
        assert "secret" in server.url()
        assert config_of(server, "maxmemory")["maxmemory"] == str(3 * 1024 * 1024)


def test_a_killed_queue_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, role="queue") as server:
        url = server.url(1)
        with redis.Redis.from_url(url) as client:
            client.set("acknowledged", "yes")
        server.kill()
        assert not server.is_running
        server.start()
        assert server.url(1) == url
        with redis.Redis.from_url(url) as client:
            assert client.get("acknowledged") == b"yes"


def test_stop_waits_until_the_process_is_gone(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    pid = server.pid
    assert pid
    server.stop()
    assert not is_alive(pid)
    assert not server.answers()


def test_a_server_that_hangs_is_killed_when_stopped(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.start()
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(timeout=0.2)
    assert not server.is_running


def test_a_taken_port_is_refused_and_not_mistaken_for_ours(tmp_path: Path, cache_server: EmbeddedServer) -> None:
    second = EmbeddedServer(tmp_path, port=cache_server.port)
    with pytest.raises(ServerFailed, match=f"port {cache_server.port}.*in use"):
        second.start()
    assert not second.answers()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_kill_9_of_its_parent_ends_the_server(tmp_path: Path) -> None:
    code = (
        "import sys, time; from cachedemo.embedded.server import EmbeddedServer; "
        "s = EmbeddedServer(sys.argv[1]); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
        until(lambda: not is_alive(pid))


def test_a_version_is_read_from_the_binary_itself(tmp_path: Path) -> None:
    assert version_of(fake_server(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0:0")) == (7, 0, 15)
    assert version_of(tmp_path / "nothing") is None
    assert version_of(fake_server(tmp_path, "other", "hello")) is None


def test_a_server_too_old_is_refused_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fake_server(tmp_path, "redis-server", "Redis server v=6.2.1 sha=0:0")
    monkeypatch.setattr(binary, "_candidates", lambda: iter([old]))
    find_server.cache_clear()
    try:
        with pytest.raises(ServerMissing, match=r"redis-server is version 6\.2\.1.*\[embedded\]"):
            find_server()
    finally:
        find_server.cache_clear()


def test_without_the_wheel_a_server_on_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = fake_server(tmp_path, "redis-server", "Redis server v=7.4.0 sha=0:0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    find_server.cache_clear()
    try:
        assert find_server() == on_path
    finally:
        find_server.cache_clear()
