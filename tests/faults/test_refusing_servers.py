"""A server that is there and refuses: each call does what it says or is `Unavailable`; once it is over, all is well."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import redis

from cachedemo import Pattern
from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, Unavailable
from cachedemo.servers import roles
from tests.helpers import until
from tests.notes.models import Note
from tests.notes.rows import stored_title
from tests.processes import children_of
from tests.servers import asked_again, configured

pytestmark = pytest.mark.usefixtures("short_timeouts")

NOWHERE = ("127.0.0.1", 1)  # nobody listens on that port


@contextlib.contextmanager
def too_few_replicas(client: redis.Redis, _: Any) -> Iterator[None]:
    with configured(client, min_replicas_to_write=1):
        yield


@contextlib.contextmanager
def a_replica_now(client: redis.Redis, _: Any) -> Iterator[None]:
    client.replicaof(*NOWHERE)
    try:
        yield
    finally:
        client.replicaof("NO", "ONE")


@contextlib.contextmanager
def a_replica_that_shows_nothing(client: redis.Redis, server: Any) -> Iterator[None]:
    with configured(client, replica_serve_stale_data="no"), a_replica_now(client, server):
        yield


@contextlib.contextmanager
def a_password(client: redis.Redis, _: Any) -> Iterator[None]:
    with configured(client, requirepass="new"):
        client.client_kill_filter(_type="normal", skipme=True)
        yield


@contextlib.contextmanager
def no_connections_left(client: redis.Redis, _: Any) -> Iterator[None]:
    with configured(client, maxclients=1):
        client.client_kill_filter(_type="normal", skipme=True)
        yield


@contextlib.contextmanager
def snapshots_that_fail(client: redis.Redis, server: Any) -> Iterator[None]:
    client.set("something", "to save", ex=60)
    with configured(client, save="3600 1"):
        with configured(client, rdb_key_save_delay=1_000_000):  # microseconds
            until(lambda: snapshot(client, server, kill=True) == "err")
        try:
            yield
        finally:
            until(lambda: snapshot(client, server) == "ok")
            until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
            (server.directory / "dump.rdb").unlink()  # or the next start would load it


def snapshot(client: redis.Redis, server: Any, *, kill: bool = False) -> str:
    """Begin one unless one is under way, perhaps end it, and return how the last one went."""
    with contextlib.suppress(redis.ResponseError):
        client.bgsave()
    if kill:
        for child in children_of(server.pid):
            os.kill(child, signal.SIGKILL)
    return str(client.info("persistence")["rdb_last_bgsave_status"])


STATES = {
    each.__name__.replace("_", " "): each
    for each in (
        too_few_replicas,
        a_replica_now,
        a_replica_that_shows_nothing,
        a_password,
        no_connections_left,
        snapshots_that_fail,
    )
}


class Row:
    """One row, and what may stand in it after what was tried."""

    def __init__(self, notes: Any, pk: int) -> None:
        self.notes, self.pk = notes, pk
        self.possible = {"a0"}

    def use(self, label: str) -> None:
        """Write it in each way, and read it in each way after each of them."""
        for pattern in Pattern:
            self.write(f"{label}, {pattern}", partial(self.update, pattern))
        self.write(f"{label}, update_many", lambda title: self.notes.update_many({self.pk: {"title": title}}))
        self.write(f"{label}, save", self.save)
        self.write(f"{label}, put", lambda title: Note.objects.filter(pk=self.pk).update(title=title))
        with contextlib.suppress(Unavailable):
            self.notes.increment(self.pk, size=1)
        with contextlib.suppress(Unavailable):
            self.notes.flush()

    def update(self, pattern: Pattern, title: str) -> None:
        self.notes.via(pattern).update(self.pk, title=title)

    def save(self, title: str) -> None:
        note = Note.objects.get(pk=self.pk)
        note.title = title
        note.save()

    def write(self, title: str, call: Callable[[str], Any]) -> None:
        try:
            call(title)
            self.possible = {title}
        except OutcomeUnknown:
            self.possible.add(title)
        except Unavailable:
            pass
        for read in (self.notes.get, partial(self.notes.get, fresh=True), lambda pk: self.notes.get_many([pk])[pk]):
            with contextlib.suppress(Unavailable):
                assert read(self.pk).title in self.possible


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["cache", "queue"])
def test_each_call_does_what_it_says_or_is_unavailable(
    notes: Any, request: pytest.FixtureRequest, role: str, state: str
) -> None:
    client, server = request.getfixturevalue(f"redis_{role}"), request.getfixturevalue(f"{role}_server")
    rows = [Row(notes, 1), Row(notes, 2)]
    for row in rows:
        row.use("before")
    notes.get_many([1, 2])  # an old slot is what must not be read
    with client.client() as alone, STATES[state](alone, server):
        for row in rows:
            row.use("meanwhile")
    asked_again()
    until(lambda: notes.flush() == 0)
    for row in rows:
        assert notes.get(row.pk).title == stored_title(row.pk)
        assert stored_title(row.pk) in row.possible
        row.use("after")
    notes.drain(timeout=10)
    assert notes.get(1).title == stored_title(1) == "after, put"


def test_who_only_reads_notices_a_cache_that_takes_no_writes(notes: Any, redis_cache: redis.Redis) -> None:
    """Its slots cannot be emptied by anybody, so they may be old. Each process looks once a second."""
    notes.get(1)
    with redis_cache.client() as alone, too_few_replicas(alone, None):
        with pytest.raises(CacheUnavailable, match="NOREPLICAS"):
            roles.CACHE.look_again()
        until(lambda: roles.CACHE.breaker.state == "open")
        Note.objects.filter(pk=1).update(title="a1")
        assert notes.get(1).title == "a1"
    asked_again()
    until(lambda: notes.flush() == 0)
    assert notes.get(1).title == "a1"


def test_it_is_of_use_again_once_it_takes_writes(
    notes: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it answers is not enough."""
    notes.get(1)
    breaker, asked = roles.CACHE.breaker, list[None]()
    plain = breaker._ping
    monkeypatch.setattr(breaker, "_ping", lambda: (asked.append(None), plain()))
    with redis_cache.client() as alone, too_few_replicas(alone, None):
        with pytest.raises(CacheUnavailable):
            roles.CACHE.look_again()
        until(lambda: len(asked) > 2, timeout=10)
        assert notes.read(1).origin == "source"
    until(lambda: breaker.state == "closed")
