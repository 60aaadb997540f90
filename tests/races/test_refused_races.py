"""What happens while a field is refused, flagged, retried or given up: the model's traces, forced on the real code.

The title is the model's field 1, whose waiting value the database refuses.
"""

import pytest

from cachedemo import cache_for
from cachedemo.operations import dead_letters
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title


@pytest.fixture
def notes(transactional_db):
    """A note for which a refused title waits: no flush has seen it yet, and no slot shows it."""
    Note.objects.bulk_create([Note(pk=1, title="old", body="b0")])
    refuse_a_title()
    notes = cache_for(Note)
    notes.via("write-behind").update(1, title="refused")
    notes.evict([1])
    yield notes
    allow_every_title()


@pytest.fixture
def write(actor, notes):
    return lambda pattern, **fields: actor(lambda: notes.via(pattern).update(1, **fields))


@pytest.fixture
def reader(actor, notes):
    """A reader that knows what waits, and is about to select the row."""
    return actor(lambda: notes.get(1)).until("row")


def seen(notes):
    note = notes.get(1)
    return note.title, note.body


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_reader_whose_row_has_passed_what_was_refused_asks_again(notes, reader, write, pattern):
    write(pattern, body="b1").finish()
    assert reader.finish().title == "refused"
    assert seen(notes) == ("refused", "b1")


def test_a_reader_starts_over_if_what_was_refused_is_gone(notes, reader, write):
    write("cache-aside", body="b1").finish()
    reader.step("row")
    write("cache-aside", title="fine").finish()
    assert reader.finish().title == "fine"


def test_a_reader_starts_over_if_what_was_refused_was_written_anew(notes, reader, write):
    write("cache-aside", body="b1").finish()
    reader.step("row")
    write("write-behind", title="fine").finish()
    assert reader.finish().title == "fine"
    assert seen(notes) == ("fine", "b1")


def test_a_reader_asks_again_for_the_rows_in_doubt_only(notes, actor, write):
    Note.objects.bulk_create([Note(pk=2, title="old", body="b0")])
    reader = actor(lambda: notes.get_many([1, 2])).until("row")
    write("cache-aside", body="b1").finish()
    found = reader.finish()
    assert (found[1].title, found[2].title) == ("refused", "old")
    assert reader.steps.count("row") == 1


def test_a_reader_does_not_ask_again_where_nothing_waits(notes, actor):
    allow_every_title()
    notes.drain(timeout=5)
    notes.evict([1])
    reader = actor(lambda: notes.get(1))
    reader.finish()
    assert reader.steps.count("pending") == 1


def test_a_retry_waits_for_a_writer_who_may_have_written_the_field(notes, write, monkeypatch):
    monkeypatch.setattr(dead_letters, "RETRY_PATIENCE", 0.0)
    notes.drain(timeout=5)
    writer = write("write-through", title="fine").until("commit")
    assert dead_letters.retry(notes, ["1"]) == 0
    writer.finish()
    assert dead_letters.retry(notes, ["1"]) == 0
    assert seen(notes) == ("fine", "b0")
    assert notes.table.queue.depth() == 0


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_what_a_reader_filled_before_the_flag_was_gone_is_emptied(notes, write, pattern):
    notes.drain(timeout=5)
    writer = write(pattern, title="fine").until("settle_up")
    notes.evict([1])
    assert notes.get(1).title == "refused", "not acknowledged yet"
    writer.finish()
    assert seen(notes) == ("fine", "b0")


def test_a_writer_killed_while_a_flag_goes_stays_owed(notes, write, redis_queue):
    notes.drain(timeout=5)
    writer = write("cache-aside", title="fine").until("settle_up")
    assert notes.get(1).title == "refused"
    writer.until("drop").kill()
    assert notes.table.queue.depth() == 0
    assert redis_queue.zcard("{flush:notes}:owed") == 1


def test_a_slot_that_does_not_show_what_is_refused_is_emptied(notes, write):
    """Its writer has died before it was shown."""
    notes.via("write-through").update(1, title="fine")
    notes.get(1)
    write("write-behind", title="refused").until("publish").kill()
    assert notes.get(1).title == "fine"
    notes.drain(timeout=5)
    assert notes.get(1).title == "refused"


def test_a_late_flush_undoes_nothing(notes, actor, write):
    flusher = actor(notes.flush).until("commit")
    write("write-through", body="b1").finish()
    allow_every_title()
    flusher.finish()
    assert seen(notes) == ("refused", "b1")
    assert dead_letters.retry(notes, ["1"]) == 1
    notes.drain(timeout=5)
    note = Note.objects.get(pk=1)
    assert (note.title, note.body) == seen(notes) == ("refused", "b1")
