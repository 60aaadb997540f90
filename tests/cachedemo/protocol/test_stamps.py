"""A stamp that no queue has handed out, as an import leaves it in a row: the row and all others go on as before."""

import time

import pytest
from django.db.models import F

from cachedemo import Pattern, cache_for
from cachedemo.protocol import stamps
from tests.faults.roles import hand_out_new_ids
from tests.helpers import as_hash, past_cachedemo
from tests.notes.models import Note, Tag

ODD = [-1, 2**53 - 1, 2**53, 10**16, 10**17 + 1, 1_795_383_347_112_500_123, 2**63 - 1]
CLOCK = "{flush:notes}:clock"


@pytest.fixture
def notes(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0", size=7) for pk in (1, 2)])
    notes = cache_for(Note)
    notes.announce()
    return notes


@pytest.fixture(params=ODD)
def imported(notes, request):
    """Row 1 as an import has written it."""
    past_cachedemo(Note).filter(pk=1).update(cache_stamp=request.param)
    return notes


def stored(pk=1):
    return Note.objects.values_list("title", "body", "size").get(pk=pk)


def stamp(pk=1):
    return Note.objects.values_list("cache_stamp", flat=True).get(pk=pk)


def is_of_now(stamp):
    return abs(stamp / 1_000_000 - time.time()) < 60


def test_an_odd_stamp_counts_as_none(imported):
    assert imported.read(1).stamp == 0
    assert imported.read(1).origin == "cache"
    assert imported.get_many([1, 2])[1].title == "a0"


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("warm", [True, False])
def test_a_write_of_such_a_row_is_shown_and_stored_and_gives_it_a_proper_stamp(imported, pattern, warm):
    if warm:
        imported.get(1)
    for title in ("a1", "a2"):
        imported.via(pattern).update(1, title=title)
        assert imported.get(1).title == title
    assert imported.drain(timeout=5) == (pattern is Pattern.WRITE_BEHIND)
    assert stored() == ("a2", "b0", 7)
    assert is_of_now(stamp())


@pytest.mark.parametrize("pattern", Pattern)
def test_other_rows_are_written_as_before(imported, pattern):
    for each in Pattern:
        imported.via(each).update(1, title="a1")
        written = imported.via(pattern).update(2, title=f"by {each}")
        assert written.title == imported.get(2).title == f"by {each}"
        assert is_of_now(written.cache_stamp)
    imported.drain(timeout=5)
    assert stored(2)[0] == "by write-behind"


@pytest.mark.parametrize("load", ["from the table", "through the cache", "upsert"])
def test_a_save_of_such_a_row_is_stored_and_disturbs_no_other(imported, load):
    note = Note.objects.get(pk=1) if load == "from the table" else imported.get(1)
    if load == "upsert":
        note = Note(pk=1, body="b0", size=7)
    note.title = "a1"
    note.save()
    assert imported.get(1).title == "a1"
    assert stored() == ("a1", "b0", 7)
    assert is_of_now(stamp())
    assert is_of_now(imported.update(2, title="a1").cache_stamp)


def test_an_increment_of_such_a_row_is_stored(imported):
    note = Note.objects.get(pk=1)
    note.size = F("size") + 1
    note.save()
    assert imported.get(1).size == 8


def test_what_waited_before_the_import_still_lands(notes):
    for odd in ODD:
        notes.via("write-behind").update(1, title=f"before {odd}")
        past_cachedemo(Note).filter(pk=1).update(cache_stamp=odd, body="imported")
        notes.evict([1])
        assert notes.get(1).title == f"before {odd}"
        notes.drain(timeout=5)
        assert stored() == (f"before {odd}", "imported", 7)
        assert notes.table.queue.dead() == {}


def test_if_match_and_delete_know_such_a_row(imported):
    etag = imported.etag(imported.read(1))
    imported.via("write-through").write(1, {"title": "a1"}, if_match=etag)
    past_cachedemo(Note).filter(pk=1).update(cache_stamp=ODD[-1])
    imported.delete(1)
    with pytest.raises(Note.DoesNotExist):
        imported.get(1)
    hand_out_new_ids()
    assert is_of_now(imported.create(title="new").cache_stamp)


@pytest.mark.parametrize("clock", [*map(str, ODD), "9007199254740993", "100000000000000010", "garbage"])
def test_a_clock_that_was_driven_there_already_goes_on_from_now(notes, redis_queue, clock):
    redis_queue.set(CLOCK, clock)
    for pattern in Pattern:
        for title in ("a1", "a2"):
            written = notes.via(pattern).update(1, title=f"{title} by {pattern}")
            assert is_of_now(written.cache_stamp)
            assert notes.get(1).title == f"{title} by {pattern}"
    notes.drain(timeout=5)
    assert stored()[0] == "a2 by write-behind"


@pytest.mark.parametrize("odd", [b"9007199254740993", b"4000000000000000"])
def test_a_slot_with_an_odd_stamp_is_a_miss_for_everybody(notes, redis_cache, odd):
    redis_cache.set("v1:note:1", b'V%b{"id": 1, "title": "old", "body": "b0", "size": 7}' % odd, px=60_000)
    notes.via("write-behind").update(1, title="a1")
    assert notes.get(1).title == "a1"
    assert notes.read(1).origin == "cache"


def test_a_waiting_field_with_an_odd_stamp_stops_nobody(notes, redis_queue):
    notes.via("write-behind").update(1, title="a1")
    redis_queue.hset(as_hash(redis_queue, "{flush:notes}:row:1"), "body", b'9007199254740993"odd"')
    assert is_of_now(notes.update(2, title="a1").cache_stamp)
    notes.drain(timeout=5)
    assert "no stamp" in notes.table.queue.dead()["1"]["error"]
    notes.via("write-behind").update(1, body="b1")
    notes.drain(timeout=5)
    assert stored() == ("a1", "b1", 7)


def test_a_model_without_a_queue_writes_such_a_row_too(transactional_db):
    tags = cache_for(Tag)
    tag = tags.create(name="a0")
    for odd in ODD:
        past_cachedemo(Tag).filter(pk=tag.pk).update(cache_stamp=odd)
        for pattern in ("cache-aside", "write-through"):
            assert tags.via(pattern).update(tag.pk, name=f"by {pattern}").name == tags.get(tag.pk).name
        assert is_of_now(Tag.objects.get(pk=tag.pk).cache_stamp)


def test_what_is_proper():
    assert [stamps.is_proper(each) for each in (-1, 0, time.time_ns() // 1000, stamps.END - 1, stamps.END)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert stamps.END < 2**53
