"""What the demo takes from the environment, and what it brings along."""

import os
import socket
import stat
from pathlib import Path

import pytest

from demo import default_settings, ports
from demo.errors import DemoFailed
from tests.environment import documented_settings


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a demo about to start, with nothing in it but the folder."""
    variables = {"CACHEDEMO_VAR": str(tmp_path)}
    monkeypatch.setattr(os, "environ", variables)
    monkeypatch.setattr(default_settings, "plan", default_settings.plan.__wrapped__)
    return variables


def test_with_nothing_given_two_servers_are_brought_along(given: dict[str, str]) -> None:
    default_settings.prepare()
    cache, queue, broker = (given[name] for name in ("CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL", "CELERY_BROKER_URL"))
    assert (cache[-2:], queue[-2:], broker[-2:]) == ("/0", "/1", "/2")
    assert cache[:-2] != queue[:-2] == broker[:-2]
    assert given["CACHEDEMO_ALLOW_FLUSHDB"] == "True"
    assert given["SOURCE_LATENCY_MS"] == "200"


def test_a_given_redis_is_used_for_everything_and_not_ours_to_empty(given: dict[str, str]) -> None:
    given["REDIS_URL"] = "redis://elsewhere"
    plan = default_settings.plan()
    default_settings.prepare()
    assert (plan.cache_port, plan.queue_port) == (None, None)
    assert not given.keys() & {"CACHEDEMO_CACHE_URL", "CACHEDEMO_QUEUE_URL", "CELERY_BROKER_URL"}
    assert given["CACHEDEMO_ALLOW_FLUSHDB"] == "False"


def test_the_broker_stays_out_of_the_given_queues_database(given: dict[str, str]) -> None:
    given["CACHEDEMO_QUEUE_URL"] = "redis://:secret@elsewhere:6400/2"
    default_settings.prepare()
    assert given["CELERY_BROKER_URL"] == "redis://:secret@elsewhere:6400/3"
    assert default_settings.plan().queue_port is None
    assert given["CACHEDEMO_CACHE_URL"].startswith("redis://127.0.0.1:")


def test_a_queue_behind_a_socket_wants_a_broker_named(given: dict[str, str]) -> None:
    given["CACHEDEMO_QUEUE_URL"] = "unix:///run/redis.sock?db=1"
    with pytest.raises(DemoFailed, match="set CELERY_BROKER_URL"):
        default_settings.prepare()


def test_a_development_env_file_leaves_the_demo_as_it_is(given: dict[str, str]) -> None:
    default_settings.prepare()
    before = dict(given)
    for name, value in documented_settings().items():  # as the settings read a .env: what is set, stays
        given.setdefault(name, value)
    default_settings.open_to("127.0.0.1")
    assert given["OPEN_ACCESS"] == "True"
    assert {name: given[name] for name in before if name != "ALLOWED_HOSTS"} == {
        name: value for name, value in before.items() if name != "ALLOWED_HOSTS"
    }


def test_given_settings_go_before_the_demos(given: dict[str, str]) -> None:
    given |= {"DATABASE_URL": "postgres://u:p@h/d", "SECRET_KEY": "mine", "SOURCE_LATENCY_MS": "5"}
    default_settings.prepare()
    assert (given["DATABASE_URL"], given["SECRET_KEY"], given["SOURCE_LATENCY_MS"]) == (
        "postgres://u:p@h/d",
        "mine",
        "5",
    )


def test_the_secret_key_survives_a_restart_for_its_owner_alone(given: dict[str, str], tmp_path: Path) -> None:
    default_settings.prepare()
    first = given.pop("SECRET_KEY")
    default_settings.prepare()
    assert given["SECRET_KEY"] == first
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_beyond_loopback_open_access_is_off_whatever_is_given(given: dict[str, str]) -> None:
    given["OPEN_ACCESS"] = "True"
    default_settings.prepare()
    default_settings.open_to("0.0.0.0")
    assert given["OPEN_ACCESS"] == "False"
    assert "*" not in given["ALLOWED_HOSTS"]


def test_on_loopback_open_access_is_on_unless_refused(given: dict[str, str]) -> None:
    default_settings.prepare()
    default_settings.open_to("127.0.0.1")
    assert given["OPEN_ACCESS"] == "True"
    given["OPEN_ACCESS"] = "False"
    default_settings.open_to("127.0.0.1")
    assert given["OPEN_ACCESS"] == "False"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.0.9", "::1", "[::1]", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.7", "example.com", "localhost.evil")),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert ports.is_loopback(host) is expected


def test_open_access_that_is_overridden_is_said(given: dict[str, str]) -> None:
    given["OPEN_ACCESS"] = "True"
    default_settings.prepare()
    assert default_settings.open_to("0.0.0.0").startswith("OPEN_ACCESS=True does not hold on 0.0.0.0")


def test_what_nobody_gave_is_not_said_to_be_overridden(given: dict[str, str]) -> None:
    plan = default_settings.plan()
    default_settings.prepare()
    assert not plan.open_access_given
    assert default_settings.open_to("127.0.0.1") == ""


def test_everywhere_means_each_address_of_this_machine() -> None:
    names = ports.names_of("0.0.0.0")
    assert socket.gethostname() in names
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", 9))
        assert probe.getsockname()[0] in names
