"""Write-behind asks for a flush without waiting for the broker."""

import threading

import pytest

from cachedemo.protocol import wake
from tests.helpers import until


@pytest.fixture
def asked(monkeypatch):
    """What was asked for; nobody answers before `gate` is opened."""
    asked, gate = [], threading.Event()

    def ask(queue):
        gate.wait(10)
        asked.append(queue)

    monkeypatch.setattr(wake, "_ask", ask)
    asked_and_gate = asked, gate
    yield asked_and_gate
    gate.set()


def test_asking_does_not_wait_and_each_queue_is_asked_for_once(asked):
    names, gate = asked
    for _ in range(100):
        wake.wake("flush:a")
        wake.wake("flush:b")
    gate.set()
    until(lambda: set(names) == {"flush:a", "flush:b"})
    assert len(names) <= 4


def test_a_broker_that_is_away_is_asked_again_next_time(monkeypatch, caplog):
    answers = iter([OSError("no broker today")])
    asked = []

    def ask(queue):
        for error in answers:
            raise error
        asked.append(queue)

    monkeypatch.setattr(wake, "_ask", ask)
    wake.wake("flush:a")
    until(lambda: "Could not ask for a flush of flush:a" in caplog.text)
    wake.wake("flush:a")
    until(lambda: asked == ["flush:a"])
