"""Signals: sent to those who listen, with the row and what became of it, and made for nobody else."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from cachedemo import signals
from cachedemo.operations import audit
from tests.helpers import past_cachedemo
from users.models import User

pytestmark = pytest.mark.usefixtures("people")

NAMES = ("cache_hit", "cache_miss", "flushed", "dead_lettered", "drift_found")


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Listen to all of them."""
    said: list[tuple[str, dict[str, Any]]] = []
    receivers: dict[str, Callable[..., None]] = {}
    for name in NAMES:

        def receiver(sender: Any, signal: Any, name: str = name, **told: Any) -> None:
            assert sender is User
            said.append((name, told))

        receivers[name] = receiver
        getattr(signals, name).connect(receiver)
    yield said
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


def everything(users: Any) -> None:
    """Do what each of them is about."""
    users.read(1), users.read(1), users.get(1), users.read(1, with_ttl=True), users.get_many([1, 2])
    users.via("write-behind").update(1, name="Al")
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.flush()
    users.read(2)
    past_cachedemo(User).filter(pk=2).update(name="by hand")
    audit.audit(users)


def test_each_is_sent_to_who_listens(users: Any, heard: list[tuple[str, dict[str, Any]]]) -> None:
    everything(users)
    assert {name for name, _ in heard} == set(NAMES)
    first: dict[str, Any] = {}
    for name, told in heard:
        first.setdefault(name, told)
    assert (first["cache_miss"]["pk"], first["cache_miss"]["entry"].origin) == (1, "source")
    assert (first["cache_hit"]["pk"], first["cache_hit"]["entry"].origin) == (1, "cache")
    assert first["flushed"] == {"pks": ["1"], "using": "default"}
    assert (first["dead_lettered"]["pk"], first["dead_lettered"]["fields"]) == ("3", ["email"])
    assert first["drift_found"] == {"pks": [2], "using": "default"}
    hits = [told["pk"] for name, told in heard if name == "cache_hit"]
    assert hits[:4] == [1, 1, 1, 1]  # read, get, with its time to live, among many


def test_a_batch_of_which_nothing_was_written_is_not_told(users: Any, heard: list[tuple[str, dict[str, Any]]]) -> None:
    users.announce()
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.flush()
    assert [name for name, _ in heard] == ["dead_lettered"]


def test_nothing_is_sent_while_nobody_listens(users: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {getattr(signals, name) for name in NAMES}
    sent = []
    for way in ("send", "send_robust"):
        plain = getattr(Signal, way)

        def spied(self: Signal, *args: Any, plain: Any = plain, **kwargs: Any) -> Any:
            if self in ours:
                sent.append(self)
            return plain(self, *args, **kwargs)

        monkeypatch.setattr(Signal, way, spied)
    everything(users)
    assert not sent


def test_a_receiver_that_fails_stops_no_read(users: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fails(**told: Any) -> None:
        raise RuntimeError("a receiver's own bug")

    users.read(1)
    signals.cache_hit.connect(fails)
    try:
        assert users.get(1).name == "Alice Singh"
    finally:
        signals.cache_hit.disconnect(fails)
    assert "a receiver's own bug" in caplog.text


def test_a_hit_in_an_event_loop_is_told_too(users: Any, heard: list[tuple[str, dict[str, Any]]]) -> None:
    users.get_many([1, 2])
    heard.clear()

    async def read() -> None:
        await users.aread(1)
        await users.aread_many([1, 2])

    asyncio.run(read())
    assert [(name, told["pk"]) for name, told in heard] == [("cache_hit", 1), ("cache_hit", 1), ("cache_hit", 2)]
