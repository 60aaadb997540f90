"""`cache_flush`: who flushes where there is no Celery."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from cachedemo import registry
from cachedemo.operations import flusher, pause, workers
from cachedemo.servers.key_prefix import ours
from cachedemo.servers.roles import QUEUE
from tests.helpers import until
from tests.notes.models import Note
from tests.processes import Process
from tests.servers import asked_again

Start = Callable[..., Process]


@pytest.fixture
def loop(run_python: Start) -> Process:
    process = run_python("manage.py", "cache_flush", "--loop", "--pause", "0.2")
    process.says("until SIGTERM or Ctrl-C.", timeout=30)
    return process


def title(pk: int = 1) -> str:
    return Note.objects.get(pk=pk).title


def test_it_flushes_what_waits_once(notes: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    call_command("cache_flush")
    assert title() == "new"


def test_a_queue_that_an_operator_has_paused_is_left_alone(notes: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    pause.pause(notes, "boss")
    call_command("cache_flush")
    assert title() == "a0"


def test_it_says_why_nothing_was_flushed(notes: Any, broken_queue: Any, short_timeouts: None) -> None:
    with broken_queue(), pytest.raises(CommandError, match="queue"):
        call_command("cache_flush")


def test_it_says_so_where_no_model_has_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_declared", {})
    with pytest.raises(CommandError, match="no registered model has a queue"):
        call_command("cache_flush")


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_pause_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(CommandError, match="above 0"):
        call_command("cache_flush", pause=seconds)


def test_the_loop_flushes_what_is_written_while_it_runs(notes: Any, loop: Process) -> None:
    for new in ("one", "two"):
        notes.via("write-behind").update(1, title=new)
        until(lambda new=new: title() == new)


def test_the_loop_is_shown_among_the_workers_until_it_ends(notes: Any, loop: Process, redis_queue: redis.Redis) -> None:
    until(lambda: redis_queue.zcard(ours(workers.KEY)) == 1)
    loop.terminate()
    loop.finish()
    assert redis_queue.zcard(ours(workers.KEY)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_ends_well_when_it_is_told_to(notes: Any, loop: Process, number: signal.Signals) -> None:
    loop.send_signal(number)
    assert loop.finish(timeout=5).endswith("Ended.\n")


def test_the_loop_survives_a_queue_that_is_away(notes: Any, loop: Process, queue_server: Any) -> None:
    queue_server.kill()
    loop.says("postponed")
    queue_server.start()
    asked_again(QUEUE)
    notes.announce()
    notes.via("write-behind").update(1, title="new")
    until(lambda: title() == "new")


def test_an_end_that_is_asked_for_waits_for_the_batch_and_begins_no_other(
    notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, turns = flusher.Stop(), list[str]()

    def turn(cache: Any) -> bool:
        turns.append(cache.queue)
        stop.asked = True
        return True

    monkeypatch.setattr(flusher, "try_turn", turn)
    monkeypatch.setattr(flusher, "close_old_connections", lambda: None)
    monkeypatch.setattr(workers, "start", lambda: None)  # its thread would outlive the test
    flusher.loop(stop, 60)
    assert len(turns) == 1
    assert len(registry.with_queue()) > 1
