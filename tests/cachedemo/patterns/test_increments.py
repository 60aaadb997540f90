"""`increment()`: in every pattern, beside every other write, and refused by name where a field is no counter."""

import asyncio
import datetime
import re
import uuid
from decimal import Decimal

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from cachedemo import Pattern, cache_for
from cachedemo.exceptions import InsideTransaction, StaleInstance
from cachedemo.operations import audit, dead_letters, row_state
from tests import helpers
from tests.helpers import past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note, Sample, Tag

PATTERNS = pytest.mark.parametrize("pattern", list(Pattern))
LARGEST = 2**63 - 1


@pytest.fixture
def notes(transactional_db):
    Note.objects.bulk_create([Note(pk=1, title="old", body="b0", size=5)])
    notes = cache_for(Note)
    notes.get(1)
    return notes


@pytest.fixture
def actor(transactional_db):
    with interleaving() as actor:
        yield actor


@pytest.fixture
def behind(notes):
    return notes.via("write-behind")


def stored():
    return Note.objects.values_list("size", flat=True).get(pk=1)


def entries(notes, redis_queue, pk=1):
    """What waits for the row: name of the entry -> bytes, without the flags."""
    raw = helpers.entries(redis_queue, notes.table.queue.key(f"row:{pk}"))
    return {name.decode(): value for name, value in raw.items() if not name.startswith(b"!")}


def seen(notes):
    """What a read shows: from the cache, and from the row and what waits."""
    first = notes.get(1).size
    notes.evict([1])
    assert notes.get(1).size == first == notes.get_many([1])[1].size
    return first


def agree(notes):
    """At rest everybody has the same, and nothing waits."""
    notes.drain(timeout=5)
    assert audit.audit(notes).drifts == []
    assert notes.table.queue.depth() == 0
    assert seen(notes) == stored()
    return True


@PATTERNS
def test_an_increment_returns_what_an_update_does(notes, pattern):
    note = notes.via(pattern).increment(1, size=3)
    assert (note.size, note.title) == (8, "old")
    assert note.cache_stamp == notes.get(1).cache_stamp
    assert seen(notes) == 8
    assert agree(notes)
    assert stored() == 8


@PATTERNS
def test_increments_of_all_patterns_add_up(notes, behind, pattern):
    behind.increment(1, size=1)
    assert notes.via(pattern).increment(1, size=-2).size == 4
    behind.increment(1, size=10)
    assert seen(notes) == 14
    assert agree(notes)
    assert stored() == 14


def test_a_thousand_increments_of_a_row_are_one_entry_and_one_update(notes, behind, redis_queue):
    for _ in range(1000):
        behind.increment(1, size=1)
    [(name, value)] = entries(notes, redis_queue).items()
    assert name.startswith("size+")
    assert value[16:] == b"1000"
    with CaptureQueriesContext(connection) as caught:
        assert notes.flush() == 1
    assert sum("UPDATE" in query["sql"] for query in caught) == 1
    assert stored() == 1005
    assert agree(notes)


@PATTERNS
def test_an_update_and_increments_keep_their_order(notes, behind, pattern):
    behind.increment(1, size=100)
    notes.via(pattern).update(1, size=7)
    behind.increment(1, size=1)
    assert notes.via(pattern).increment(1, size=2).size == 10
    assert seen(notes) == 10
    assert agree(notes)
    assert stored() == 10


def test_an_increment_after_an_update_that_waits_is_another_entry(notes, behind, redis_queue):
    behind.update(1, size=7)
    behind.increment(1, size=1)
    behind.increment(1, size=1)
    waiting = entries(notes, redis_queue)
    assert waiting["size"][16:] == b"7"
    assert sorted(value[16:] for value in waiting.values()) == [b"2", b"7"]
    behind.update(1, size=3)
    assert [value[16:] for value in entries(notes, redis_queue).values()] == [b"3"]
    assert agree(notes)
    assert stored() == 3


def test_a_decimal_is_added_to_the_last_digit(transactional_db, redis_queue):
    key = uuid.uuid4()
    Sample.objects.bulk_create([Sample(pk=key, price=Decimal("0.1000"), at=datetime.datetime.now(datetime.UTC))])
    samples = cache_for(Sample)
    behind = samples.via("write-behind")
    assert behind.increment(key, price=Decimal("0.2")).price == Decimal("0.3000")
    assert behind.increment(key, price=Decimal("-5.0001")).price == Decimal("-4.7001")
    assert next(iter(entries(samples, redis_queue, key).values()))[16:] == b'"-4.8001"'
    samples.drain(timeout=5)
    assert Sample.objects.get(price=Decimal("-4.7001")).pk == key
    assert samples.via("write-through").increment(key, price=5).price == Decimal("0.2999")
    assert audit.audit(samples).drifts == []


def test_one_write_sets_a_field_and_increments_another(notes):
    for pattern in Pattern:
        entry = notes.via(pattern).write(1, {"title": pattern}, increments={"size": 1}).entry
        assert (notes.table.instance(entry).title, notes.table.instance(entry).size) == (pattern, seen(notes))
    assert agree(notes)
    assert stored() == 8


def test_a_base_that_may_have_a_part_of_an_entry_is_not_built_upon(notes, behind, actor):
    behind.increment(1, size=1)
    late = actor(lambda: behind.increment(1, size=10)).until("enqueue")
    behind.increment(1, size=100)
    assert late.finish().size == notes.get(1).size == 116
    behind.increment(1, size=1000)
    other = actor(lambda: behind.update(1, title="new")).until("enqueue")
    behind.increment(1, size=10_000)
    assert other.finish().size == notes.get(1).size == 11_116
    assert seen(notes) == 11_116
    assert agree(notes)


# limits and refusals


@PATTERNS
def test_a_limit_is_kept_in_the_database(notes, behind, pattern):
    behind.increment(1, size=-3)
    with pytest.raises(ValidationError, match="less than 0") as caught:
        notes.via(pattern).increment(1, {"size": -3}, min=0)
    assert caught.value.message_dict.keys() == {"size"}
    with pytest.raises(ValidationError, match="more than 4"):
        notes.via(pattern).increment(1, size=3, max=4)
    written = notes.via(pattern).write(1, {}, increments={"size": -2}, least=0)
    assert written.pattern is not Pattern.WRITE_BEHIND
    assert seen(notes) == 0
    assert agree(notes)


@PATTERNS
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"title": 1}, ValidationError),
        ({"owner": 1}, FieldError),
        ({"secret": 1}, FieldError),
        ({"size": 1.5}, ValidationError),
        ({"size": "1"}, ValidationError),
        ({"size": True}, ValidationError),
        ({"size": Decimal(1)}, ValidationError),
        ({"size": F("size")}, ValidationError),
        ({"size": LARGEST}, ValidationError),
        ({}, FieldError),
    ],
    ids=str,
)
def test_what_cannot_be_added_is_refused_by_name(notes, pattern, fields, error):
    with pytest.raises(error):
        notes.via(pattern).increment(1, fields)
    assert seen(notes) == stored() == 5
    assert notes.table.queue.depth() == 0
    assert notes.table.queue.owed() == (0, 0.0)


@PATTERNS
def test_of_no_row_nothing_is_incremented(notes, pattern):
    with pytest.raises(Note.DoesNotExist):
        notes.via(pattern).increment(2, size=1)


def test_a_field_is_set_or_incremented(notes):
    with pytest.raises(FieldError, match="not both"):
        notes.via("write-through").write(1, {"size": 1}, increments={"size": 1})


def test_inside_a_transaction_it_is_refused(notes):
    with transaction.atomic(), pytest.raises(InsideTransaction):
        notes.increment(1, size=1)


def test_an_expression_is_pointed_to_it(notes):
    with pytest.raises(ValidationError, match=r"increment\(\)"):
        notes.update(1, size=F("size") + 1)


def test_without_a_queue_it_goes_through_the_database(transactional_db):
    tags = cache_for(Tag)
    with pytest.raises(ValidationError, match="no counter"):
        tags.via("write-behind").increment(1, name=1)


def test_what_is_too_large_to_count_exactly_goes_through(notes):
    assert notes.via("write-behind").write(1, {}, increments={"size": 1}).pattern is Pattern.WRITE_BEHIND
    if connection.vendor == "postgresql":  # which has 32 bits for it
        with pytest.raises(ValidationError):
            notes.via("write-behind").increment(1, size=2**60)
    else:
        written = notes.via("write-behind").write(1, {}, increments={"size": 2**60})
        assert (written.pattern, written.reason) == (Pattern.WRITE_THROUGH, "large increment")
        assert stored() == 2**60 + 6


# other writes of the row, while increments wait


def test_a_save_of_another_field_carries_them(notes, behind):
    behind.increment(1, size=1)
    note = Note.objects.get(pk=1)
    note.title = "new"
    note.save()
    assert note.size == stored() == 6
    assert agree(notes)


def test_a_save_of_the_field_comes_after_them(notes, behind):
    behind.increment(1, size=1)
    note = Note.objects.get(pk=1)
    note.size = 40
    note.save(update_fields=["size"])
    behind.increment(1, size=2)
    assert seen(notes) == 42
    assert agree(notes)


def test_a_saved_expression_is_computed_from_them(notes, behind):
    behind.increment(1, size=1)
    note = Note.objects.get(pk=1)
    note.size = F("size") * 10
    note.save()
    assert seen(notes) == 60
    assert agree(notes)


def test_a_save_that_refuses_has_missed_them(notes, behind, monkeypatch):
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    note = Note.objects.get(pk=1)
    behind.increment(1, size=1)
    note.title = "new"
    with pytest.raises(StaleInstance, match="size"):
        note.save()
    note = notes.get(1)
    note.title = "new"
    note.save()
    assert seen(notes) == 6
    assert agree(notes)


@pytest.mark.parametrize("fields", [{"title": "new"}, {"size": 40}, {"size": F("size") * 10}], ids=str)
def test_a_bulk_update_comes_after_them(notes, behind, fields):
    behind.increment(1, size=1)
    Note.objects.filter(pk=1).update(**fields)
    assert seen(notes) == {"title": 6, "size": 40}[next(iter(fields))] if F("size") * 10 not in fields.values() else 60
    assert agree(notes)


def test_a_deletion_takes_them_along(notes, behind):
    behind.increment(1, size=1)
    notes.delete(1)
    notes.drain(timeout=5)
    assert notes.table.queue.depth() == 0
    assert not Note.objects.exists()


def test_an_etag_is_of_what_they_make_of_the_row(notes, behind):
    etag = notes.etag(notes.read(1))
    behind.increment(1, size=1)
    with pytest.raises(Exception, match="no longer"):
        notes.via("write-behind").write(1, {}, increments={"size": 1}, if_match=etag)
    notes.via("write-behind").write(1, {}, increments={"size": 1}, if_match=notes.etag(notes.read(1)))
    assert seen(notes) == 7
    assert agree(notes)


# what the database refuses


@pytest.fixture
def overdrawn(notes, behind):
    """An increment waits that the database refuses, although a form does not: size is never below 0."""
    behind.increment(1, size=-6)
    assert notes.get(1).size == -1
    notes.drain(timeout=5)
    return notes


def letter(notes):
    [found] = dead_letters.letters(notes)
    return [(each.field, each.waiting, each.row) for each in found.differences]


def test_refused_increments_are_a_dead_letter_of_what_they_would_have_made(overdrawn, behind):
    assert letter(overdrawn) == [("size", -1, 5)]
    assert seen(overdrawn) == -1
    assert stored() == 5
    assert row_state.look_at(overdrawn, [1]).rows[1].newer == {"size": -1}
    behind.update(1, title="new")
    overdrawn.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "new"
    assert seen(overdrawn) == -1


def test_increments_behind_a_refused_one_wait_with_it_and_go_on_when_it_is_discarded(overdrawn, behind):
    behind.increment(1, size=2)
    assert overdrawn.flush() == 0
    assert (seen(overdrawn), stored()) == (1, 5)
    assert letter(overdrawn) == [("size", 1, 5)]
    dead_letters.discard(overdrawn, ["1"])
    assert seen(overdrawn) == 7
    assert agree(overdrawn)


def test_a_retry_writes_both_in_their_order(overdrawn, behind):
    behind.increment(1, size=2)
    behind.update(1, title="new")
    overdrawn.drain(timeout=5)
    assert dead_letters.retry(overdrawn, ["1"]) == 1
    assert seen(overdrawn) == 1
    assert agree(overdrawn)
    assert stored() == 1


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_an_increment_through_the_database_starts_from_the_refused_value(overdrawn, pattern):
    with pytest.raises(Exception, match=r"(?i)constraint"):
        overdrawn.via(pattern).increment(1, size=-1)
    assert seen(overdrawn) == -1
    assert overdrawn.via(pattern).increment(1, size=3).size == 2
    assert overdrawn.table.queue.dead() == {}
    assert agree(overdrawn)


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_write_of_another_field_refuses_them_and_goes_on(notes, behind, pattern):
    behind.increment(1, size=-6)
    assert notes.via(pattern).update(1, title="new").size == -1
    assert letter(notes) == [("size", -1, 5)]
    assert Note.objects.get(pk=1).title == "new"
    assert seen(notes) == -1


def test_what_is_older_is_written_before_increments_are_refused(notes, behind):
    behind.update(1, title="older")
    behind.increment(1, size=-6)
    behind.update(1, body="newer")
    notes.drain(timeout=5)
    assert letter(notes) == [("size", -1, 5)]
    note = Note.objects.get(pk=1)
    assert (note.title, note.body, note.size) == ("older", "newer", 5)


def test_a_sum_beyond_the_column_is_a_dead_letter_and_stops_nothing(notes, behind):
    Note.objects.bulk_create([Note(pk=2, title="other")])
    behind.increment(1, size=1)
    largest = LARGEST if connection.vendor == "sqlite" else 2**31 - 1
    past_cachedemo(Note).filter(pk=1).update(size=largest)
    behind.update(2, title="new")
    notes.drain(timeout=5)
    assert notes.table.queue.dead().keys() == {"1"}
    assert stored() == largest
    assert Note.objects.get(pk=2).title == "new"
    assert letter(notes) == [("size", largest + 1, largest)]


# releases


def test_until_every_live_version_knows_them_they_go_through_the_database(notes, behind, redis_queue):
    old = b'{"state": "live", "since": 1.0, "fields": ["body", "size", "title"]}'
    redis_queue.hset(notes.table.queue.key("versions"), "7", old)
    written = behind.write(1, {}, increments={"size": 1})
    assert (written.pattern, written.reason) == (Pattern.WRITE_THROUGH, "old release")
    redis_queue.hdel(notes.table.queue.key("versions"), "7")
    assert behind.write(1, {}, increments={"size": 1}).pattern is Pattern.WRITE_BEHIND
    assert agree(notes)


def test_what_waits_in_the_format_before_them_is_read_and_added_to(notes, behind, redis_queue):
    behind.update(1, size=7)
    helpers.as_hash(redis_queue, notes.table.queue.key("row:1"))
    [(name, value)] = entries(notes, redis_queue).items()
    assert (name, value[16:]) == ("size", b"7")
    behind.increment(1, size=1)
    assert seen(notes) == 8
    assert agree(notes)


def test_a_value_that_an_old_release_sets_supersedes_the_increments_before_it(notes, behind, redis_queue):
    behind.increment(1, size=1)
    [(name, _)] = entries(notes, redis_queue).items()
    redis_queue.hset(notes.table.queue.key("row:1"), "size", f"{int(name[5:]) + 1}40")
    assert seen_from_the_row(notes) == 40
    behind.increment(1, size=2)
    assert seen_from_the_row(notes) == 42
    notes.drain(timeout=5)
    assert stored() == 42


def seen_from_the_row(notes):
    notes.evict([1])
    return notes.get(1).size


def test_beyond_64_entries_the_queue_is_full_for_them(notes, behind, redis_queue):
    for _ in range(64):
        behind.increment(1, size=1)
        notes.table.queue.claim(10, 30, 3)
        notes.table.queue.release(["1"])
    assert len(entries(notes, redis_queue)) == 64
    written = behind.write(1, {}, increments={"size": 1})
    assert (written.pattern, written.reason) == (Pattern.WRITE_THROUGH, "full")
    assert stored() == 70
    assert entries(notes, redis_queue) == {}
    assert agree(notes)


def test_its_asynchronous_twin_does_the_same(notes, behind):
    assert asyncio.run(behind.aincrement(1, size=1)).size == 6
    assert asyncio.run(notes.aincrement(1, {"size": -2}, min=4)).size == 4
    with pytest.raises(ValidationError):
        asyncio.run(notes.aincrement(1, {"size": -2}, min=4))
    assert agree(notes)


def test_the_queue_page_shows_what_refused_increments_would_have_made(overdrawn, behind, admin_client):
    behind.increment(1, size=2)
    page = admin_client.get("/admin/cachedemo/cache/queue/", follow=True).content.decode()
    assert "flush:notes" in page
    assert re.search(r"size\W.*\b1\b.*\b5\b", page, re.DOTALL)
    assert "Change(" not in page


def test_switched_off_it_is_in_the_database_at_once(notes, behind, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False}
    assert behind.increment(1, size=2).size == stored() == 7
