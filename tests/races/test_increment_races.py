"""The traces of counter_model.py that break one of its rules, forced on the real code."""

import pytest

from cachedemo.operations import dead_letters
from tests.notes.models import Note


@pytest.fixture
def behind(notes):
    Note.objects.filter(pk=1).update(size=5)
    notes.get(1)
    return notes.via("write-behind")


@pytest.fixture
def through(notes):
    return notes.via("write-through")


def shown_and_stored(notes):
    notes.drain(timeout=5)
    notes.evict([1])
    return notes.get(1).size, Note.objects.get(pk=1).size


def test_an_increment_after_a_claim_is_another_entry(notes, behind, actor):
    behind.increment(1, size=1)
    flusher = actor(notes.flush).until("commit")
    behind.increment(1, size=10)
    flusher.finish()
    assert notes.get(1).size == 16
    assert shown_and_stored(notes) == (16, 16)


def test_an_increment_after_a_stamp_is_another_entry(notes, behind, through, actor):
    behind.increment(1, size=1)
    writer = actor(lambda: through.update(1, title="new")).until("commit")
    behind.increment(1, size=10)
    writer.finish()
    assert notes.get(1).size == 16
    assert shown_and_stored(notes) == (16, 16)


def test_an_increment_does_not_join_a_value_that_a_writer_was_handed(notes, behind, through, actor):
    behind.update(1, size=7)
    writer = actor(lambda: through.increment(1, size=1)).until("commit")
    behind.increment(1, size=10)
    writer.finish()
    assert shown_and_stored(notes) == (18, 18)


def test_two_workers_on_one_batch_add_it_once(notes, behind, actor, redis_queue):
    behind.increment(1, size=1)
    late = actor(notes.flush).until("commit")
    redis_queue.zadd(notes.table.queue.part_of(1).key("claimed"), {"1": 0})
    behind.increment(1, size=10)
    actor(notes.flush).finish()
    behind.increment(1, size=100)
    late.finish()
    assert shown_and_stored(notes) == (116, 116)


def test_a_late_acknowledgement_takes_nothing_along(notes, behind, actor, redis_queue):
    behind.increment(1, size=1)
    late = actor(notes.flush).until("ack")
    redis_queue.zadd(notes.table.queue.part_of(1).key("claimed"), {"1": 0})
    actor(notes.flush).finish()
    behind.increment(1, size=10)
    late.finish()
    assert shown_and_stored(notes) == (16, 16)


@pytest.mark.parametrize("step", ["commit", "settle", "ack"])
def test_a_flusher_killed_at_any_step_adds_it_once(notes, behind, actor, redis_queue, step):
    behind.increment(1, size=1)
    actor(notes.flush).until(step).kill()
    behind.increment(1, size=10)
    redis_queue.zadd(notes.table.queue.part_of(1).key("claimed"), {"1": 0})
    assert shown_and_stored(notes) == (16, 16)


def test_no_older_writer_commits_below_refused_increments(notes, behind, through, actor):
    writer = actor(lambda: through.increment(1, size=3)).until("commit")
    behind.increment(1, size=-6)
    notes.drain(timeout=5)
    assert notes.get(1).size == -1
    writer.finish()
    assert shown_and_stored(notes) == (2, 2)


def test_a_writer_that_carries_increments_while_they_are_refused_counts_them_once(notes, behind, through, actor):
    behind.increment(1, size=-6)
    writer = actor(lambda: through.increment(1, size=3)).until("commit")
    flusher = actor(notes.flush).until("bury")
    writer.finish()
    flusher.finish()
    assert shown_and_stored(notes) == (2, 2)
    assert dead_letters.letters(notes) == []


def test_of_increments_that_are_refused_together_a_writer_may_have_seen_some(notes, behind, through, actor):
    behind.increment(1, size=1)
    writer = actor(lambda: through.increment(1, size=3)).until("commit")
    behind.increment(1, size=-20)
    notes.drain(timeout=5)
    assert notes.get(1).size == -14
    writer.finish()
    assert shown_and_stored(notes) == (-11, 9)


def test_a_reader_whose_row_has_passed_refused_increments_asks_again(notes, behind, through, actor):
    behind.increment(1, size=-6)
    notes.evict([1])
    reader = actor(lambda: notes.get(1)).until("row")
    through.update(1, title="new")
    assert reader.finish().size == -1
    assert shown_and_stored(notes) == (-1, 5)
