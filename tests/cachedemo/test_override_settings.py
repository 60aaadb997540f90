"""`override_settings(CACHEDEMO=…)` takes effect at once, for every setting there is, and is over when it is over."""

import os
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings

from cachedemo import conf
from cachedemo.admin import action_requests
from cachedemo.exceptions import Unavailable
from cachedemo.operations import flushdb, monitoring_access
from cachedemo.protocol import near_copies, transactions
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.near import Near
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import breaker, roles
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.tracking import Feed
from cachedemo.testing import broken_queue
from tests.helpers import until

MAY = SimpleNamespace(user=SimpleNamespace(has_perm=lambda permission: True))


def other_database(name: str) -> str:
    return f"{os.environ[f'CACHEDEMO_{name}'].rpartition('/')[0]}/7"


def of_connection(role: Any, name: bytes) -> bytes:
    """Return what the server says of our connection."""
    return dict(pair.split(b"=", 1) for pair in role.command("CLIENT", "INFO").split())[name]


def of_client(name: str) -> Any:
    return roles.cache().connection_pool.connection_kwargs[name]


def failures_until_open() -> int:
    """Fail as often as it takes; the client has been opened, as it has where a server stops answering."""
    CACHE.command("PING")
    for number in range(1, 9):
        CACHE.breaker.note(roles.redis.ConnectionError("gone"))
        if CACHE.breaker.state == "open":
            return number
    return 0


def seconds_between_looks(monkeypatch: pytest.MonkeyPatch) -> float:
    """Open the breaker, and tell for how long the thread sleeps that looks whether the server is back."""
    slept: list[float] = []
    watched, plain = CACHE.breaker, breaker.time.sleep

    def sleep(seconds: float) -> None:
        if threading.current_thread() is not watched._watcher:  # other threads sleep too
            plain(seconds)
            return
        slept.append(seconds)
        watched._breaker.close()

    monkeypatch.setattr(breaker.time, "sleep", sleep)
    failures_until_open()
    watcher: threading.Thread = watched._watcher
    watcher.join(5)
    monkeypatch.undo()
    return slept[0]


def seconds_of_a_trip(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(transactions.time, "sleep", slept.append)
    transactions.trip("default")
    monkeypatch.undo()
    return slept


def is_read_without_the_queue(notes: Any) -> bool:
    with broken_queue():
        try:
            return bool(notes.get(2).title)
        except Unavailable:
            return False


def refusal_of_flushdb() -> str:
    try:
        flushdb.flush(-1, "")
    except flushdb.FlushRefused as error:
        return str(error)
    return ""


def may_watch(**request: str) -> bool:
    return monitoring_access.may_watch(RequestFactory().get("/metrics", **request))


Seen = Callable[[Any, pytest.MonkeyPatch], Any]


def copies_kept() -> int:
    """Return how many of three copies are kept."""
    feed, near = Feed(CACHE), Near("copy", 1.0, 60)
    feed.confirmed = time.monotonic()
    for number in range(3):
        key = f"copy:{number}"
        before = near_copies.Note(near, None, number, key, feed, COPIES._era, COPIES._generations[hash(key) % 4096])
        COPIES.keep(before, Entry(b"{}", 1, Origin.CACHE, b"V"), 60)
    kept = len(COPIES.by_key)
    COPIES.forget_all()
    return kept


# Each setting: another value, and what it is seen by.
CASES: dict[str, tuple[Any, Seen]] = {
    "CACHE_URL": (lambda: other_database("CACHE_URL"), lambda notes, patch: of_connection(CACHE, b"db")),
    "QUEUE_URL": (lambda: other_database("QUEUE_URL"), lambda notes, patch: of_connection(QUEUE, b"db")),
    "CACHE_OPTIONS": ({"client_name": "ours"}, lambda notes, patch: of_connection(CACHE, b"name")),
    "QUEUE_OPTIONS": ({"client_name": "ours"}, lambda notes, patch: of_connection(QUEUE, b"name")),
    "STRICT_READS": (False, lambda notes, patch: is_read_without_the_queue(notes)),
    "SOURCE_LATENCY_MS": (7, lambda notes, patch: seconds_of_a_trip(patch)),
    "ALLOW_FLUSHDB": (True, lambda notes, patch: refusal_of_flushdb()),
    "READ_ONLY": (True, lambda notes, patch: action_requests.allowed(MAY, "flushdb")),  # type: ignore[arg-type]
    "KEY_PREFIX": ("staging-", lambda notes, patch: notes.table.slots.key(1)),
    "TEST_ISOLATION": (True, lambda notes, patch: notes.table.slots.key(1).partition(":")[0]),
    "ENABLED": (False, lambda notes, patch: [notes.read(1).origin for _ in range(2)][1]),
    "CONNECT_TIMEOUT": (0.7, lambda notes, patch: of_client("socket_connect_timeout")),
    "TIMEOUT": (2.5, lambda notes, patch: of_client("socket_timeout")),
    "POOL_SIZE": (7, lambda notes, patch: roles.cache().connection_pool.max_connections),
    "KEEPALIVE": (False, lambda notes, patch: of_client("socket_keepalive")),
    "BREAKER_FAILURES": (1, lambda notes, patch: failures_until_open()),
    "BREAKER_PAUSE": (0.25, lambda notes, patch: seconds_between_looks(patch)),
    "PATTERN": ("write-through", lambda notes, patch: notes.pattern),
    "NEAR_ENTRIES": (2, lambda notes, patch: copies_kept()),
    "NEAR_BYTES": (1000, lambda notes, patch: copies_kept()),
    "METRICS_FOR": (["10.0.0.0/8"], lambda notes, patch: may_watch(REMOTE_ADDR="10.1.2.3")),
    "METRICS_TOKEN": (
        "long and random",
        lambda notes, patch: may_watch(REMOTE_ADDR="10.1.2.3", HTTP_AUTHORIZATION="Bearer long and random"),
    ),
}


def test_no_setting_is_forgotten_here() -> None:
    assert CASES.keys() == {*conf.DEFAULTS, "CACHE_URL", "QUEUE_URL"}


@pytest.mark.parametrize("name", CASES)
def test_it_takes_effect_at_once_and_goes_back(name: str, notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    value, seen = CASES[name]
    roles.cache(), roles.queue()  # a client that is open already must not be the one that is asked
    before = seen(notes, monkeypatch)
    with override_settings(CACHEDEMO={**settings.CACHEDEMO, name: value() if callable(value) else value}):
        assert seen(notes, monkeypatch) != before
    until(lambda: seen(notes, monkeypatch) == before, timeout=5)


def test_a_breaker_that_has_opened_is_closed_when_the_address_goes_back(notes: Any) -> None:
    with override_settings(CACHEDEMO={**settings.CACHEDEMO, "CACHE_URL": "redis://127.0.0.1:1/0"}):
        for _ in range(conf.DEFAULTS["BREAKER_FAILURES"]):
            notes.get(1)
        assert CACHE.breaker.state == "open"
    notes.get(1)
    assert notes.read(1).slot is not None


def test_a_setting_that_concerns_no_connection_keeps_the_client(notes: Any) -> None:
    client = roles.cache()
    with override_settings(CACHEDEMO={**settings.CACHEDEMO, "STRICT_READS": False}):
        assert roles.cache() is client
    assert roles.cache() is client
