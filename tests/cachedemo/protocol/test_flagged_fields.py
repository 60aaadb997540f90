"""What the database refuses of a row stays where it is, is shown by reads, and stops no write of another field."""

import time
from unittest import mock

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Concat, Length

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, PreconditionFailed, QueueUnavailable, StaleInstance
from cachedemo.operations import audit, dead_letters, row_state
from cachedemo.protocol import stamps
from tests.helpers import as_hash, until
from tests.interleaving import interleaving
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title

SYNCHRONOUS = pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])


@pytest.fixture
def notes(transactional_db):
    """A note for which a refused title waits: no flush has seen it yet."""
    Note.objects.bulk_create([Note(pk=1, title="old", body="b0")])
    refuse_a_title()
    notes = cache_for(Note)
    notes.via("write-behind").update(1, title="refused")
    yield notes
    allow_every_title()


@pytest.fixture
def flagged(notes):
    """The same, after a flush: the title is flagged."""
    notes.drain(timeout=5)
    return notes


def stored():
    note = Note.objects.get(pk=1)
    return note.title, note.body


def seen(notes):
    """What a read shows: from the cache and, once that is empty, from the row and what waits."""
    first = notes.get(1)
    notes.evict([1])
    again = notes.get(1)
    assert (first.title, first.body) == (again.title, again.body)
    assert (notes.get_many([1])[1].title, notes.get_many([1])[1].body) == (again.title, again.body)
    return again.title, again.body


def save_the_body(body):
    note = Note.objects.get(pk=1)
    note.body = body
    note.save()
    return note


def leaves_the_title(notes, body):
    """The body is stored; the refused title is shown, a dead letter, and in no row."""
    assert stored() == ("old", body)
    assert seen(notes) == ("refused", body)
    assert notes.table.queue.dead().keys() == {"1"}
    assert [each.field for each in dead_letters.letters(notes)[0].differences] == ["title"]
    assert notes.table.queue.owed() == (0, 0.0) or notes.flush() == 0
    return True


# other fields are written


@SYNCHRONOUS
def test_a_write_of_another_field_flags_what_is_refused_and_goes_on_without_it(notes, pattern):
    assert notes.via(pattern).update(1, body="b1").title == "refused"
    assert leaves_the_title(notes, "b1")


@SYNCHRONOUS
def test_a_write_of_another_field_leaves_what_is_flagged_where_it_is(flagged, pattern):
    for body in ("b1", "b2"):
        assert flagged.via(pattern).update(1, body=body).title == "refused"
        assert leaves_the_title(flagged, body)


@pytest.mark.parametrize("options", [{}, {"update_fields": ["body"]}], ids=["whole", "named"])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("flushed", [False, True], ids=["waiting", "flagged"])
def test_a_save_of_another_field_leaves_what_is_refused_where_it_is(notes, options, inside, flushed):
    if flushed:
        notes.drain(timeout=5)
    for body in ("b1", "b2"):
        note = Note.objects.get(pk=1)
        note.body = body
        if inside:
            with transaction.atomic():
                note.save(**options)
                assert Note.objects.filter(body=body).count() == 1, "the transaction is still good"
        else:
            note.save(**options)
        assert leaves_the_title(notes, body)


def test_an_expression_of_another_field_is_computed(flagged):
    note = Note.objects.get(pk=1)
    note.body = Concat(F("body"), F("body"))
    note.save()
    assert leaves_the_title(flagged, "b0b0")


def test_an_expression_of_what_is_refused_is_refused(flagged):
    note = Note.objects.get(pk=1)
    note.size = Length(F("title"))
    with pytest.raises(IntegrityError):
        note.save()
    assert leaves_the_title(flagged, "b0")


def test_what_waits_beside_it_is_carried_by_a_write(notes):
    notes.via("write-behind").update(1, size=7)
    notes.via("write-through").update(1, body="b1")
    assert leaves_the_title(notes, "b1")
    assert Note.objects.get(pk=1).size == 7
    assert notes.table.queue.in_line() == 0


def test_a_flush_writes_what_waits_beside_it(flagged):
    flagged.via("write-behind").update(1, body="b1")
    assert seen(flagged) == ("refused", "b1")
    flagged.drain(timeout=5)
    assert leaves_the_title(flagged, "b1")


def test_a_flush_flags_what_is_refused_and_writes_the_rest(notes):
    notes.via("write-behind").update(1, body="b1")
    notes.drain(timeout=5)
    assert leaves_the_title(notes, "b1")
    assert notes.table.queue.dead()["1"]["stamps"].keys() == {"title"}


def test_fields_that_are_refused_together_only_are_all_flagged(notes):
    refused = mock.patch("cachedemo.protocol.flagged_fields._refusal", return_value=None)
    notes.via("write-behind").update(1, body="b1")
    with refused:
        notes.drain(timeout=5)
    assert notes.table.queue.dead()["1"]["stamps"].keys() == {"title", "body"}
    assert seen(notes) == ("refused", "b1")


# its own values are refused


@SYNCHRONOUS
def test_a_write_that_is_refused_itself_gets_djangos_error_and_flags_nothing(notes, pattern):
    allow_every_title()
    with pytest.raises(IntegrityError):
        notes.via(pattern).update(1, size=-1)
    assert notes.table.queue.dead() == {}
    assert stored() == ("old", "b0"), "it was only tried"
    notes.drain(timeout=5)
    assert stored() == seen(notes) == ("refused", "b0")


def test_a_save_that_is_refused_itself_gets_djangos_error_and_flags_nothing(notes):
    allow_every_title()
    note = Note.objects.get(pk=1)
    note.size = -1
    with pytest.raises(IntegrityError):
        note.save()
    assert notes.table.queue.dead() == {}
    assert notes.table.queue.owed() == (0, 0.0)


# what takes a flag away


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_write_that_names_the_field_replaces_what_was_refused(flagged, pattern):
    flagged.via("write-through").update(1, body="b1")
    flagged.via(pattern).update(1, title="fine")
    assert flagged.table.queue.dead() == {}
    assert seen(flagged) == ("fine", "b1")
    flagged.drain(timeout=5)
    assert stored() == seen(flagged) == ("fine", "b1")
    assert flagged.table.queue.depth() == 0


def test_a_save_that_names_the_field_replaces_what_was_refused(flagged):
    note = flagged.get(1)
    note.title = "fine"
    note.save()
    assert flagged.table.queue.dead() == {}
    assert stored() == seen(flagged) == ("fine", "b0")


def test_a_deletion_removes_it(flagged):
    flagged.via("write-through").delete(1)
    assert flagged.table.queue.depth() == flagged.table.queue.dead_count() == 0
    Note.objects.create(pk=1, title="new")
    assert flagged.get(1).title == "new"


def test_a_retry_lands_it_also_where_the_row_has_passed_its_stamp(flagged):
    flagged.via("write-through").update(1, body="b1")
    allow_every_title()
    assert dead_letters.retry(flagged, ["1"]) == 1
    assert seen(flagged) == ("refused", "b1")
    flagged.drain(timeout=5)
    assert stored() == seen(flagged) == ("refused", "b1")
    assert flagged.table.queue.dead() == {}


def test_a_retry_lands_nothing_where_something_newer_named_the_field(flagged):
    flagged.via("write-through").update(1, title="fine")
    allow_every_title()
    assert dead_letters.retry(flagged, ["1"]) == 0
    flagged.drain(timeout=5)
    assert stored() == seen(flagged) == ("fine", "b0")


def test_a_discard_gives_up_what_was_refused_and_nothing_else(flagged):
    flagged.via("write-behind").update(1, body="b1")
    assert seen(flagged) == ("refused", "b1")
    assert dead_letters.discard(flagged, ["1"]) == 1
    assert seen(flagged) == ("old", "b1")
    flagged.drain(timeout=5)
    assert stored() == ("old", "b1")


def test_a_save_that_cannot_drop_what_was_refused_is_not_acknowledged(flagged):
    """Readers would go on laying it over what was saved."""
    note = flagged.get(1)
    note.title = "fine"
    away = QueueUnavailable("away")
    with (
        mock.patch.object(type(flagged.table.queue), "settle_up", side_effect=away),
        pytest.raises(OutcomeUnknown),
    ):
        note.save()


# who compares, compares with what readers see


def test_if_match_compares_with_what_is_refused_too(flagged):
    etag = flagged.etag(flagged.read(1))
    flagged.via("write-through").write(1, {"body": "b1"}, if_match=etag)
    with pytest.raises(PreconditionFailed):
        flagged.via("write-through").write(1, {"body": "b2"}, if_match=etag)
    assert leaves_the_title(flagged, "b1")


def test_a_save_that_refuses_compares_with_what_is_refused_too(flagged, monkeypatch):
    monkeypatch.setattr(flagged, "stale_saves", "refuse", raising=False)
    note = flagged.get(1)
    stale = Note.objects.get(pk=1)
    note.body = "b1"
    note.save()
    stale.body = "b2"
    with pytest.raises(StaleInstance, match="title"):
        stale.save()
    assert leaves_the_title(flagged, "b1")


# who looks at it


def test_the_audit_finds_no_drift(flagged):
    flagged.via("write-through").update(1, body="b1")
    flagged.get(1)
    assert audit.audit(flagged).drifts == []


def test_operators_see_it(flagged):
    [(stamp, title)] = row_state.look_at(flagged, [1]).rows[1].waiting.values()
    assert title == "refused"
    assert stamps.is_refused(stamp)
    assert row_state.place_in_queue(flagged, 1).name == "dead"


def test_a_field_that_no_version_knows_stops_no_write(notes, redis_queue):
    allow_every_title()
    redis_queue.hset(as_hash(redis_queue, "{flush:notes}:row:1"), "vanished", b"%016d1" % 5)
    notes.drain(timeout=5)
    assert stored() == ("refused", "b0"), "the rest was flushed"
    notes.via("write-through").update(1, body="b1")
    assert stored() == ("refused", "b1")
    assert notes.table.queue.dead().keys() == {"1"}


def test_a_flag_that_an_older_release_left_behind_is_of_no_account(flagged, redis_queue):
    """It writes the field anew, and knows no flags."""
    newer = int(redis_queue.hget("{flush:notes}:row:1", "title")[:16]) + 1
    redis_queue.hset("{flush:notes}:row:1", "title", b'%016d"fine"' % newer)
    redis_queue.hdel("{flush:notes}:dead", "1")
    redis_queue.rpush("flush:notes", "1")
    flagged.drain(timeout=5)
    assert stored() == ("fine", "b0")
    assert redis_queue.exists("{flush:notes}:row:1") == 0


def test_a_dead_letter_of_an_older_release_is_flagged_by_the_next_write(flagged, redis_queue):
    redis_queue.hdel("{flush:notes}:row:1", "!title")
    flagged.via("write-through").update(1, body="b1")
    assert leaves_the_title(flagged, "b1")


def test_a_queued_write_brings_a_dead_letter_of_an_older_release_into_line_again(flagged, redis_queue):
    redis_queue.hdel("{flush:notes}:row:1", "!title")
    allow_every_title()
    flagged.via("write-behind").update(1, title="fine")
    flagged.drain(timeout=5)
    assert stored() == seen(flagged) == ("fine", "b0")
    assert flagged.table.queue.depth() == flagged.table.queue.dead_count() == 0


def test_a_write_without_flags_costs_no_more_round_trips(notes):
    allow_every_title()
    notes.drain(timeout=5)
    with interleaving() as actor:
        write = actor(lambda: notes.via("write-through").update(1, body="b1"))
        write.finish()
    assert write.steps == ["start", "mark", "stamp", "commit", "finish", "settle_up"]


# how long writes have waited


def test_a_dead_letter_does_not_age(flagged):
    assert flagged.table.queue.depth() == 1
    assert flagged.table.queue.lag() == 0


def test_what_waits_beside_a_dead_letter_ages_from_when_it_was_taken(flagged):
    before = time.time() - 0.002  # a script's clock stands still for a millisecond
    flagged.via("write-behind").update(1, body="b1")
    assert until(flagged.table.queue.lag) <= time.time() - before


def test_a_dead_letter_hides_no_older_write(flagged):
    Note.objects.create(pk=2, title="other")
    flagged.via("write-behind").update(2, body="waits")
    lag = flagged.table.queue.lag()
    assert lag > 0
    flagged.via("write-behind").update(1, body="b1")
    assert flagged.table.queue.lag() >= lag
