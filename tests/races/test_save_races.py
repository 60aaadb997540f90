"""What happens between the steps of a `save()`: each trace of the model with a save in it, forced on the real code."""

import pytest

from cachedemo import cache_for
from cachedemo.exceptions import StaleInstance
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.rows import let_deadlines_pass, owed

pytestmark = pytest.mark.usefixtures("people")

MODES = pytest.mark.parametrize("options", [{}, {"update_fields": ["title"]}], ids=["whole", "named"])


@pytest.fixture
def notes():
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0", owner_id=1)])
    return cache_for(Note)


def saver(actor, note, **options):
    """A save of a new title, which has its stamp and is about to send its UPDATE."""
    note.title = "saved"
    return actor(lambda: note.save(**options)).until("commit")


def shown(notes):
    """What a read shows, which must be what the row has once nothing waits any more."""
    seen = notes.get(1)
    notes.drain(timeout=5)
    row = Note.objects.get(pk=1)
    assert (row.title, row.body) == (seen.title, seen.body)
    return row.title, row.body


@MODES
def test_a_newer_write_that_commits_first_makes_the_save_stamp_again(notes, actor, options):
    save = saver(actor, notes.get(1), **options)
    notes.via("write-through").update(1, title="a1", body="b1")
    newer = notes.read(1).stamp
    save.finish()
    assert Note.objects.get(pk=1).cache_stamp > newer
    assert shown(notes) == ("saved", "b1")


@MODES
def test_a_write_that_is_queued_while_a_save_is_under_way_is_the_newer_one(notes, actor, options):
    save = saver(actor, notes.get(1), **options)
    notes.via("write-behind").update(1, title="queued", body="queued")
    save.finish()
    assert shown(notes) == ("queued", "queued")


@MODES
def test_a_flush_between_stamp_and_update_loses_nothing(notes, actor, options):
    notes.via("write-behind").update(1, body="queued")
    save = saver(actor, Note.objects.get(pk=1), **options)
    notes.drain(timeout=5)
    save.finish()
    assert shown(notes) == ("saved", "queued")


@MODES
def test_a_flush_that_was_claimed_before_the_save_undoes_nothing(notes, actor, options):
    notes.via("write-behind").update(1, title="queued", body="queued")
    flusher = actor(notes.flush).until("commit")
    note = Note.objects.get(pk=1)
    note.title = "saved"
    note.save(**options)
    flusher.finish()
    assert shown(notes) == ("saved", "queued")


@MODES
def test_a_reader_that_loaded_the_row_before_the_save_fills_nothing_old(notes, actor, options):
    reader = actor(lambda: notes.get(1)).until("fill")
    note = Note.objects.get(pk=1)
    note.title = "saved"
    note.save(**options)
    reader.finish()
    assert notes.get(1).title == "saved"


@MODES
def test_a_queued_write_over_a_base_from_before_the_save_is_not_shown_with_the_old_value(notes, actor, options):
    notes.get(1)
    writer = actor(lambda: notes.via("write-behind").update(1, body="queued")).until("publish")
    note = Note.objects.get(pk=1)
    note.title = "saved"
    note.save(**options)
    writer.finish()
    assert notes.get(1).title == "saved"
    assert shown(notes) == ("saved", "queued")


@MODES
def test_a_save_that_dies_after_its_update_is_made_up_for(notes, actor, options, redis_queue):
    notes.get(1)
    note = Note.objects.get(pk=1)
    save = saver(actor, note, **options).until("finish")
    save.kill()
    assert notes.get(1).title == "a0"  # never acknowledged
    assert owed(redis_queue) == 1
    let_deadlines_pass(redis_queue)
    notes.flush()
    assert shown(notes) == ("saved", "b0")


def test_a_save_that_refuses_compares_what_the_row_is_by_then(notes, actor, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    save = saver(actor, notes.get(1))
    notes.via("write-through").update(1, body="b1")
    with pytest.raises(StaleInstance, match="body"):
        save.finish()
    assert shown(notes) == ("a0", "b1")


def test_a_flush_of_what_it_has_seen_refuses_nothing(notes, actor, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    notes.via("write-behind").update(1, body="queued")
    save = saver(actor, notes.get(1))
    notes.drain(timeout=5)
    save.finish()
    assert shown(notes) == ("saved", "queued")
