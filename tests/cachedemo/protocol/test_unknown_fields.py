"""A field that was renamed while a write of it waited: parked while a live version knows it, then a dead letter."""

import time

import pytest
from django.core.management import call_command
from django.db import transaction

from cachedemo import ModelCache
from cachedemo.exceptions import UnknownFieldWaiting
from cachedemo.operations import version_deletion
from cachedemo.protocol import synchronous
from tests.helpers import past_cachedemo
from tests.notes.models import Note


class Before(ModelCache):
    """The release before the field was renamed: what it calls secret, the next one calls otherwise."""

    fields = ["title", "secret"]


class After(ModelCache):
    fields = ["title", "body"]
    version = 2


@pytest.fixture
def before(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0", secret="s0") for pk in (1, 2)])
    before = Before(Note)
    before.announce()
    before.via("write-behind").update(1, secret="s1")
    return before


@pytest.fixture
def after(before):
    after = After(Note)
    after.announce()
    return after


def delete_version(cache, version="1"):
    version_deletion.begin(cache, version, "olga", even_current=True)
    version_deletion.run(cache, version)


def letters(cache):
    return {pk: (letter["error"], sorted(letter["stamps"])) for pk, letter in cache.table.queue.dead().items()}


LETTER = {"1": ("No live version has a field secret.", ["secret"])}


def test_while_a_live_version_knows_it_the_row_is_parked(after, before):
    assert after.flush() == 1
    assert letters(after) == {}
    assert after.table.queue.in_line() == 1
    after.table.queue.release(["1"])
    before.drain(timeout=5)
    assert Note.objects.get(pk=1).secret == "s1"


def test_a_version_that_is_being_deleted_counts_no_more(after):
    version_deletion.begin(after, "1", "olga")
    after.flush()
    assert letters(after) == LETTER


def test_once_nobody_knows_it_it_is_a_dead_letter_and_the_other_fields_are_written(after):
    after.via("write-behind").update(1, title="a1")
    delete_version(after)
    after.drain(timeout=5)
    assert letters(after) == LETTER
    assert Note.objects.values_list("title", "secret").get(pk=1) == ("a1", "s0")
    after.update(1, title="a2")
    assert after.get(1).title == "a2"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_writer_does_not_wait_for_a_worker_that_will_never_come(after, pattern):
    delete_version(after)
    begun = time.monotonic()
    after.via(pattern).update(1, title="a1")
    assert time.monotonic() - begun < synchronous.FLUSH_PATIENCE / 2
    assert letters(after) == LETTER
    assert Note.objects.values_list("title", "secret").get(pk=1) == ("a1", "s0")


def saved():
    note = Note.objects.get(pk=1)
    note.title = "a1"
    note.save()


def saved_inside_a_transaction():
    with transaction.atomic():
        saved()


@pytest.mark.parametrize(
    "write", [saved, saved_inside_a_transaction, lambda: Note.objects.filter(pk=1).update(title="a1")]
)
def test_neither_does_a_save_nor_a_bulk_update(after, redis_queue, write):
    delete_version(after)
    write()
    assert letters(after) == LETTER
    assert Note.objects.values_list("title", "secret").get(pk=1) == ("a1", "s0")


def test_what_another_live_version_knows_is_not_buried_with_it(after, before, redis_queue):
    before.table.queue.enqueue(1, 0, 10, {"gone": "g"})
    after.flush()
    assert letters(after) == {"1": ("No live version has a field gone.", ["gone"])}
    assert after.flush() == 1  # parked
    after.table.queue.release(["1"])
    before.drain(timeout=5)
    assert Note.objects.get(pk=1).secret == "s1"


def test_a_writer_is_told_which_version_it_waits_for(after, monkeypatch):
    monkeypatch.setattr(synchronous, "FLUSH_PATIENCE", 0.1)
    with pytest.raises(UnknownFieldWaiting, match=r"a worker of version 1, which knows it.*cache_delete_version"):
        after.update(1, title="a1")


def test_the_old_release_comes_back_and_a_retry_writes_it(after, before):
    delete_version(after)
    after.flush()
    before.table.announced = None
    assert before.get(1).secret == "s1", "what was acknowledged is still shown"
    assert before.table.queue.retry(["1"]) == 1
    before.drain(timeout=5)
    assert Note.objects.get(pk=1).secret == "s1"


def test_a_discard_gives_it_up(after, capsys):
    delete_version(after)
    after.flush()
    call_command("cache_dead_letters")
    assert "No live version has a field secret." in capsys.readouterr().out
    call_command("cache_dead_letters", "discard", "--all", "--yes", "--queue", "flush:notes")
    assert letters(after) == {}
    assert Note.objects.get(pk=1).secret == "s0"
