"""The traces of tests/shard_model.py on the real code: the number of shards changes while somebody is under way."""

from collections.abc import Callable
from typing import Any

import pytest

from cachedemo.operations import dead_letters, shard_change
from cachedemo.protocol import flush
from tests.interleaving import Actor
from tests.notes.models import Note
from tests.notes.rows import stored

Act = Callable[[Callable[[], Any]], Actor]


@pytest.fixture
def other(notes: Any) -> Any:
    """The same registration in another process, which knows nothing of what this one is told."""
    other = type(notes)(Note)
    other.announce()
    return other


def to(notes: Any, number: int) -> None:
    shard_change.change(notes, number)


def dead(notes: Any, pk: int = 1) -> None:
    """Let the database have refused the title that waits for a row."""
    notes.via("write-behind").update(pk, title="refused")
    [claim], _ = notes.table.queue.claim(1, 30, 3)
    notes.table.queue.bury(claim, "refused")


@pytest.mark.parametrize("numbers", [(4,), (4, 2)])
def test_a_reader_that_has_asked_an_old_shard_fills_nothing_old(
    notes: Any, other: Any, actor: Act, numbers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (notes, other):  # the write waits for the reader's lease to run out
        monkeypatch.setattr(each.table.slots, "lease_ms", 1000)
        monkeypatch.setattr(each.table.options, "lease_timeout", 1.0)
    for number in numbers[:-1]:
        to(notes, number)
        other.table.queue.look()
    reader = actor(lambda: other.get(1)).until("row")
    to(notes, numbers[-1])
    notes.via("write-behind").update(1, title="new")
    reader.finish()
    assert other.get(1).title == "new"


@pytest.mark.parametrize("numbers", [(4,), (4, 2)])
def test_a_reader_with_an_old_number_finds_what_waits(
    notes: Any, other: Any, redis_cache: Any, numbers: tuple[int, ...]
) -> None:
    for number in numbers:
        other.table.queue.look()
        to(notes, number)
    notes.via("write-behind").update(1, title="new")
    redis_cache.flushdb()
    assert other.get(1).title == "new"


@pytest.mark.parametrize("numbers", [(4,), (4, 2)])
def test_a_writer_with_an_old_number_carries_what_waits(notes: Any, other: Any, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        other.table.queue.look()
        to(notes, number)
    notes.via("write-behind").update(1, title="new")
    other.via("cache-aside").update(1, body="b1")
    notes.drain()
    assert stored() == ("new", "b1")


def test_what_is_queued_by_an_old_number_waits_where_all_look(notes: Any, other: Any, actor: Act) -> None:
    to(notes, 4)
    other.table.queue.look()
    writer = actor(lambda: other.via("write-behind").update(1, title="new")).until("enqueue")
    to(notes, 2)
    writer.finish()
    assert [part.depth() for part in notes.table.queue.parts()] == [0, 1]


def test_a_writer_that_has_its_stamp_settles_up_in_the_new_shard(notes: Any, other: Any, actor: Act) -> None:
    dead(notes)
    writer = actor(lambda: other.via("write-through").update(1, title="new")).until("settle_up")
    to(notes, 4)
    assert notes.table.queue.owed()[0] == 1
    writer.finish()
    assert notes.table.queue.owed()[0] == notes.table.queue.dead_count() == 0
    assert notes.get(1).title == "new"


def test_a_writer_that_had_its_stamp_before_the_change_does_not_undo_a_later_one(
    notes: Any, other: Any, actor: Act
) -> None:
    writer = actor(lambda: other.via("cache-aside").update(1, title="old")).until("commit")
    to(notes, 4)
    notes.via("write-behind").update(1, title="new")
    writer.finish()
    notes.drain()
    assert stored()[0] == notes.get(1).title == "new"


def test_a_dead_letter_is_retried_where_it_is_by_then(notes: Any, other: Any) -> None:
    dead(notes)
    to(notes, 4)
    assert other.table.queue.retry(["1"]) == 1
    notes.drain()
    assert stored()[0] == "refused"


def test_nothing_waits_in_a_shard_that_is_ended(notes: Any, actor: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.via("write-behind").update(1, title="new")
    drained, real = [], shard_change._drained
    monkeypatch.setattr(shard_change, "_drained", lambda *args: real(*args) if drained else drained.append(1) or 0)
    to(notes, 4)
    assert stored()[0] == notes.get(1).title == "new"


def test_a_claim_that_is_held_keeps_its_shard_from_being_ended(notes: Any, other: Any, actor: Act) -> None:
    notes.via("write-behind").update(1, title="new")
    flusher = actor(lambda: flush.flush(other.table)).until("ack")
    with pytest.raises(TimeoutError):
        shard_change.change(notes, 4, timeout=0.1)
    assert notes.table.queue.is_changing()
    flusher.finish()
    to(notes, 4)
    assert notes.table.queue.depth() == 0


def test_an_older_run_clears_nothing_and_opens_nothing(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dead(notes)
    real = shard_change._fill_all

    def fill_all(queue: Any, old: Any, new: Any, begun: Any, clock: int) -> None:
        real(queue, old, new, begun, clock)
        for part in new:
            for script in (shard_change._clear, shard_change._open):
                assert queue.step(part, script, begun.run - 1) == b"OVERTAKEN"

    monkeypatch.setattr(shard_change, "_fill_all", fill_all)
    to(notes, 4)
    assert list(dead_letters.letters(notes)[0].differences[0][:2]) == ["title", "refused"]
