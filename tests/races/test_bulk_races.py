"""What happens between the steps of a bulk update: each trace of the model with one in it, forced on the real code."""

import pytest

from cachedemo import cache_for
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.rows import let_deadlines_pass, owed

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes():
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0", owner_id=1) for pk in (1, 2)])
    notes = cache_for(Note)
    notes.warm([1, 2])
    return notes


def update():
    return Note.objects.filter(pk__in=[1, 2]).update(title="bulk")


def shown(notes):
    """What a read shows, which must be what the row has once nothing waits any more."""
    seen = notes.get(1)
    notes.drain(timeout=5)
    row = Note.objects.get(pk=1)
    assert (row.title, row.body) == (seen.title, seen.body)
    return row.title, row.body


def test_a_write_that_commits_before_the_rows_are_locked_is_the_older_one(notes, actor):
    bulk = actor(update).until("bulk")
    notes.via("write-through").update(1, title="a1", body="b1")
    newer = notes.read(1).stamp
    bulk.finish()
    assert Note.objects.get(pk=1).cache_stamp > newer
    assert shown(notes) == ("bulk", "b1")


def test_a_write_that_has_its_stamp_already_takes_a_new_one(notes, actor):
    writer = actor(lambda: notes.via("write-through").update(1, title="a1")).until("commit")
    update()
    stamp = Note.objects.get(pk=1).cache_stamp
    writer.finish()
    assert Note.objects.get(pk=1).cache_stamp > stamp
    assert shown(notes) == ("a1", "b0")


def test_a_write_that_is_queued_after_the_stamp_is_the_newer_one(notes, actor):
    bulk = actor(update).until("drop")
    notes.via("write-behind").update(1, title="queued", body="queued")
    bulk.finish()
    assert shown(notes) == ("queued", "queued")


def test_a_late_flush_takes_nothing_back(notes, actor):
    notes.via("write-behind").update(1, title="queued", body="queued")
    flusher = actor(notes.flush).until("commit")
    update()
    flusher.finish()
    assert shown(notes) == ("bulk", "queued")


def test_a_reader_that_loaded_the_row_before_fills_nothing_old(notes, actor, redis_cache):
    redis_cache.delete(notes.table.slots.key(1))
    reader = actor(lambda: notes.get(1)).until("fill")
    update()
    reader.finish()
    assert notes.get(1).title == "bulk"


def test_a_reader_that_loaded_the_row_before_the_commit_fills_nothing_old(notes, actor, redis_cache):
    bulk = actor(update).until("stamp_many")
    redis_cache.delete(notes.table.slots.key(1))
    reader = actor(lambda: notes.get(1)).until("fill")
    bulk.finish()
    reader.finish()
    assert notes.get(1).title == "bulk"


def test_one_that_dies_after_its_commit_is_made_up_for(notes, actor, redis_queue):
    bulk = actor(update).until("drop")
    bulk.kill()
    assert notes.get(1).title == "a0"  # never acknowledged
    assert owed(redis_queue) == 2
    let_deadlines_pass(redis_queue)
    notes.flush()
    assert shown(notes) == ("bulk", "b0")
    assert notes.get(2).title == "bulk"
