"""Every mutant of the protocol's model, forced on the real code: who goes how far, and what must hold then.

The title is the model's field 0, the body its field 1.

Each test is the trace that breaks one wrong line; `tests/mutants.py` names the line, and `make mutants` shows that the
test catches it.
"""

import pytest

from cachedemo.operations import version_deletion
from tests.notes.models import Note
from tests.notes.rows import let_deadlines_pass, owed, stored


@pytest.fixture
def write(actor, notes):
    """`write("write-through", title="a1")` is an actor that writes row 1."""
    return lambda pattern, **fields: actor(lambda: notes.via(pattern).update(1, **fields))


@pytest.fixture
def read(actor, notes):
    return lambda: actor(lambda: notes.get(1))


@pytest.fixture
def flusher(actor, notes):
    return lambda: actor(notes.flush)


@pytest.fixture
def evict(redis_cache, notes):
    return lambda: redis_cache.delete(notes.table.slots.key(1))


def seen(notes):
    note = notes.get(1)
    return note.title, note.body


def test_a_queued_write_is_not_published_over_an_evicted_slot(notes, write, evict):
    notes.get(1)
    first = write("write-behind", title="a1").until("enqueue")
    evict()
    first.step("enqueue")
    write("write-behind", body="b1").until("enqueue").finish()
    evict()
    first.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_queued_write_is_published_over_its_own_base_only(notes, write):
    notes.get(1)
    second = write("write-behind", body="b1").until("enqueue")
    write("write-behind", title="a1").finish()
    notes.drain(timeout=5)
    second.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_queued_write_publishes_all_that_waits(notes, write):
    notes.get(1)
    first = write("write-behind", title="a1").step("enqueue")
    write("write-behind", body="b1").finish()
    first.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_queued_write_empties_a_slot_that_is_marked(notes, write):
    notes.get(1)
    writer = write("write-through", title="a1").step("mark")
    write("write-behind", body="b1").finish()
    assert seen(notes)[1] == "b1"
    writer.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_committed_write_leaves_an_empty_slot_empty(notes, write):
    notes.get(1)
    first = write("write-through", title="a1").step("commit")
    write("cache-aside", body="b1").finish()
    first.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_committed_write_empties_a_slot_that_looks_newer(notes, write, read, evict):
    notes.get(1)
    writer = write("write-through", title="a1").step("mark")
    evict()
    writer.step("stamp")
    write("write-behind", body="b1").finish()
    evict()
    reader = read().step("row")
    writer.step("commit")
    reader.finish()
    writer.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_committed_write_takes_a_lease_away(notes, write, read, evict):
    notes.get(1)
    writer = write("write-through", title="a1").step("mark")
    evict()
    writer.step("stamp")
    reader = read().step("row")
    writer.finish()
    reader.finish()
    assert seen(notes) == ("a1", "b0")


def test_a_write_that_fills_nothing_takes_a_lease_away_without_a_mark(notes, write, read, evict):
    evict()
    reader = read().step("row")
    writer = write("cache-aside", title="a1")
    writer.finish()
    assert "mark" not in writer.steps
    reader.finish()
    assert seen(notes) == ("a1", "b0")


def test_a_committed_write_replaces_nothing_but_its_own_mark(notes, write):
    writer = write("write-through", title="a1").step("commit")
    write("cache-aside", body="b1").finish()
    notes.get(1)
    writer.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_committed_write_takes_another_writers_mark_away(notes, write):
    notes.get(1)
    first = write("write-through", title="a1").step("stamp")
    second = write("write-through", body="b1").step("mark")
    first.finish()
    assert seen(notes) == ("a1", "b0")
    second.finish()
    assert seen(notes) == ("a1", "b1")


def test_an_acknowledgement_drops_only_what_was_flushed(notes, write, flusher):
    write("write-behind", title="a1").finish()
    flush = flusher().step("claim")
    write("write-behind", body="b1").finish()
    flush.finish()
    assert seen(notes) == ("a1", "b1")
    notes.drain(timeout=5)
    assert stored() == ("a1", "b1")


def test_a_reader_asks_for_what_is_pending_before_the_row(notes, write, read, evict):
    write("write-behind", title="a1").finish()
    evict()
    reader = read().step("lease")
    reader.step(reader.at)  # what is pending, or the row: whichever it asks for first
    notes.drain(timeout=5)
    assert reader.finish().title == "a1"


def test_a_waiting_field_older_than_the_row_is_not_shown(notes, write, evict):
    writer = write("write-through", title="a2").step("mark")
    evict()
    write("write-behind", title="a1").finish()
    writer.finish()
    evict()
    assert seen(notes)[0] == "a2"
    notes.drain(timeout=5)
    assert stored()[0] == "a2"


def test_a_writer_marks_before_it_is_stamped(notes, write):
    notes.get(1)
    writer = write("write-through", title="a1").step("mark")
    write("write-behind", body="b1").finish()
    writer.finish()
    assert seen(notes) == ("a1", "b1")


@pytest.mark.usefixtures("late_marks")
def test_a_mark_after_the_stamp_hides_no_newer_value(notes, write):
    notes.get(1)
    writer = write("write-through", title="a1").until("mark")
    write("write-behind", body="b1").finish()
    writer.finish()
    assert seen(notes) == ("a1", "b1")


@pytest.mark.usefixtures("late_marks")
def test_nor_one_that_was_evicted(notes, write, evict):
    notes.get(1)
    writer = write("write-through", title="a1").until("mark")
    write("write-behind", body="b1").finish()
    evict()
    writer.finish()
    assert seen(notes) == ("a1", "b1")


@pytest.mark.usefixtures("late_marks")
def test_a_mark_after_the_stamp_fills_no_version_that_is_being_deleted(notes, write, evict, redis_cache):
    notes.get(1)
    writer = write("write-through", title="a1").until("mark")
    version_deletion.begin(notes, "1", "test", even_current=True)
    evict()
    writer.finish()
    assert redis_cache.get("v1:note:1") is None


@pytest.mark.usefixtures("late_marks")
def test_a_mark_after_the_stamp_is_enough_over_an_older_value(notes, write, redis_cache):
    notes.get(1)
    writer = write("write-through", title="a1")
    writer.finish()
    assert writer.steps == ["start", "stamp", "mark", "commit", "finish", "settle_up"]
    assert redis_cache.get("v1:note:1") is not None


@pytest.mark.usefixtures("late_marks")
def test_else_the_queue_is_asked_and_the_slot_filled_all_the_same(notes, write, evict, redis_cache):
    notes.get(1)
    evict()
    writer = write("write-through", title="a1")
    writer.finish()
    assert writer.steps == ["start", "stamp", "mark", "pending", "commit", "finish", "settle_up"]
    assert redis_cache.get("v1:note:1") is not None


def test_a_source_write_writes_what_waits_too(notes, write, evict):
    write("write-behind", body="b1").finish()
    writer = write("write-through", title="a1").until("settle_up")
    writer.finish()
    notes.drain(timeout=5)
    assert seen(notes) == stored() == ("a1", "b1")


def test_a_flush_writes_each_field_by_its_own_stamp(notes, write):
    writer = write("write-through", title="a2").step("mark")
    write("write-behind", title="a1").finish()
    writer.until("settle_up")  # committed over a1, which still waits
    write("write-behind", body="b3").finish()
    writer.kill()
    notes.drain(timeout=5)
    assert stored() == seen(notes) == ("a2", "b3")


def test_a_created_row_is_marked_before_its_commit(notes, actor, write):
    with pytest.raises(Note.DoesNotExist):
        notes.get(3)
    creator = actor(lambda: notes.via("write-through").create(id=3, title="a1", body="b1")).step("commit")
    creator.until("finish")
    actor(lambda: notes.via("cache-aside").update(3, body="b2")).finish()
    creator.finish()
    assert notes.get(3).body == "b2"


def test_a_flush_empties_slots_that_may_be_older(notes, write, flusher):
    notes.get(1)
    write("write-behind", title="a1").step("enqueue").kill()
    flusher().finish()
    assert seen(notes) == stored() == ("a1", "b0")


def test_the_next_flush_works_off_what_a_dead_writer_owes(notes, write, read, flusher, evict, redis_queue):
    notes.get(1)
    writer = write("write-through", title="a1").step("mark")
    evict()
    writer.step("stamp")
    write("write-behind", body="b1").finish()
    evict()
    flush = flusher().step("claim")
    reader = read().step("row")
    writer.step("commit").kill()
    flush.step("commit")
    reader.finish()
    flush.finish()
    let_deadlines_pass(redis_queue)
    flusher().finish()
    assert seen(notes) == stored() == ("a1", "b1")
    assert owed(redis_queue) == 0
