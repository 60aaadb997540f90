"""Dead letters can be looked at, tried again and given up: one, several, all."""

import io

import pytest
from django.core.management import CommandError, call_command

from cachedemo import cache_for
from cachedemo.operations import dead_letters
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title


@pytest.fixture
def notes(transactional_db):
    """Three notes whose refused titles wait."""
    notes = cache_for(Note)
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old", body="b0") for pk in (1, 2, 3)])
    refuse_a_title()
    for pk in (1, 2, 3):
        notes.via("write-behind").update(pk, title="refused", body="b1")
    notes.drain(timeout=5)
    yield notes
    allow_every_title()


def run(*arguments):
    out = io.StringIO()
    call_command("cache_dead_letters", *arguments, stdout=out)
    return out.getvalue()


def titles(notes):
    return [notes.get(pk).title for pk in (1, 2, 3)]


def test_the_list_shows_the_error_and_the_difference_to_the_row(notes):
    shown = run()
    for word in ("flush:notes", "title", "refused", "old", "IntegrityError"):
        assert word in shown
    [first, *rest] = dead_letters.letters(notes)
    assert first.differences == [("title", "refused", "old")], "the body was not refused, and is in the row"
    assert Note.objects.get(pk=1).body == "b1"
    assert len(rest) == 2


def test_no_dead_letters_is_said(transactional_db):
    assert run() == "No dead letters.\n"


def test_a_dead_letter_of_a_deleted_row_says_so(notes, redis_queue):
    Note.objects.filter(pk=1)._raw_delete("default")
    assert "(no row)" in run()


def test_retry_lets_it_land_once_the_reason_is_gone(notes):
    allow_every_title()
    assert run("retry", "1", "--queue", "flush:notes") == "Back in the list: 1 dead letter.\n"
    notes.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "refused"
    assert dead_letters.retry(notes, ["2", "3"]) == 2
    notes.drain(timeout=5)
    assert notes.table.queue.dead() == {}
    assert set(Note.objects.values_list("title", "body")) == {("refused", "b1")}


def test_retry_without_a_change_ends_as_a_dead_letter_again(notes):
    run("retry", "--all", "--queue", "flush:notes")
    notes.drain(timeout=5)
    assert len(notes.table.queue.dead()) == 3


def test_discard_asks_first_and_a_no_changes_nothing(notes, monkeypatch):
    asked = []
    for answer in ("", "n", "nonsense"):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: asked.append(question) or answer)
        with pytest.raises(CommandError, match="Nothing was discarded"):
            run("discard", "--all", "--queue", "flush:notes")
    assert "3 rows of flush:notes (1, 2, 3) for good?" in asked[0]
    assert titles(notes) == ["refused"] * 3
    assert len(notes.table.queue.dead()) == 3


def test_discard_returns_reads_to_the_row_and_is_logged(notes, monkeypatch, caplog, redis_queue):
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert titles(notes) == ["refused"] * 3
    assert run("discard", "1", "2", "--queue", "flush:notes") == "2 dead letters discarded.\n"
    assert titles(notes) == ["old", "old", "refused"]
    assert caplog.text.count("Discarded the dead letter flush:notes") == 2
    assert redis_queue.zrange("{flush:notes}:pending", 0, -1) == [b"3"]
    assert redis_queue.zcard("{flush:notes}:owed") == 0
    run("discard", "--all", "--yes", "--queue", "flush:notes")
    assert titles(notes) == ["old"] * 3
    assert redis_queue.exists("{flush:notes}:pending", "{flush:notes}:dead", "flush:notes") == 0


def test_discard_while_the_cache_is_away_shows_the_row_once_it_is_back(notes, broken_cache, redis_queue):
    notes.get(1)
    with broken_cache():
        dead_letters.discard(notes, ["1"])
        assert redis_queue.zrange("{flush:notes}:owed", 0, -1) == [b"1:cache"]


def test_a_row_that_a_newer_write_has_revived_is_not_discarded(notes):
    notes.via("write-behind").update(1, title="fine")
    assert dead_letters.discard(notes, ["1"]) == 0
    notes.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "fine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["retry", "--queue", "flush:notes"], "Name the rows to retry, or give --all"),
        (["discard", "99", "--yes", "--queue", "flush:notes"], "has no dead letter 99"),
        (["retry", "1"], "Name one of the queues with --queue"),
        (["retry", "1", "--queue", "flush:nothing"], "No registered cache has the queue"),
    ],
)
def test_a_mistake_is_a_sentence_and_changes_nothing(notes, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert len(notes.table.queue.dead()) == 3
