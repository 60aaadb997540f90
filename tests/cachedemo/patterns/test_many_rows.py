"""`update_many` and `create_many`: what a call for each row would do, in a fixed number of round trips."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import FieldError, ValidationError
from django.db import IntegrityError

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable
from cachedemo.operations import shard_change
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.queues_many import all_or_unknown
from cachedemo.servers.roles import QUEUE
from cachedemo.testing import assert_cache_trips
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from users.models import User

PATTERNS = pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
SYNCHRONOUS = pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])


@pytest.fixture
def notes(transactional_db: None) -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"old {pk}", body="b0") for pk in range(1, 6)])
    return cache_for(Note)


@pytest.fixture
def no_notes(transactional_db: None) -> Any:
    """The database hands out the keys."""
    return cache_for(Note)


def stored(pk: int) -> tuple[str, str]:
    note = past_cachedemo(Note).get(pk=pk)
    return note.title, note.body


def seen(notes: Any, pk: int) -> tuple[str, str]:
    """What a read shows: from the cache, and past it."""
    first = notes.get(pk)
    notes.evict([pk])
    again = notes.get(pk)
    assert (first.title, first.body) == (again.title, again.body)
    return again.title, again.body


# update_many


@PATTERNS
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_each_row_gets_its_own_fields_and_who_is_missing_is_told(notes: Any, pattern: str, warm: bool) -> None:
    if warm:
        notes.warm([1, 2, 3, 99])
    written = notes.via(pattern).update_many(
        {1: {"title": "a"}, "2": {"body": "b"}, 99: {"title": "c"}, 2**70: {"body": "c"}}
    )
    assert list(written) == [1, 2], "99 does not exist, and no column holds the last key"
    assert [(note.title, note.body) for note in written.values()] == [("a", "b0"), ("old 2", "b")]
    assert (seen(notes, 1), seen(notes, 2), seen(notes, 3)) == (("a", "b0"), ("old 2", "b"), ("old 3", "b0"))
    notes.drain(timeout=5)
    assert (stored(1), stored(2), stored(3)) == (("a", "b0"), ("old 2", "b"), ("old 3", "b0"))
    assert notes.table.queue.owed() == (0, 0.0)


@PATTERNS
def test_what_waits_for_other_fields_is_kept(notes: Any, pattern: str) -> None:
    notes.via("write-behind").update(1, body="waits")
    notes.via("write-behind").update(2, title="is replaced")
    notes.via(pattern).update_many({1: {"title": "a"}, 2: {"title": "a"}})
    assert (seen(notes, 1), seen(notes, 2)) == (("a", "waits"), ("a", "b0"))
    notes.drain(timeout=5)
    assert (stored(1), stored(2)) == (("a", "waits"), ("a", "b0"))


@PATTERNS
@pytest.mark.parametrize(
    ("fields", "error"),
    [({"title": "x" * 101}, ValidationError), ({"nothing": 1}, FieldError), ({}, FieldError)],
    ids=["too long", "no field", "empty"],
)
def test_one_wrong_row_and_nothing_is_written(notes: Any, pattern: str, fields: Any, error: Any) -> None:
    with pytest.raises(error) as caught:
        notes.via(pattern).update_many({1: {"title": "a"}, 2: fields})
    assert caught.value.__notes__ == ["In the row 2."]
    assert stored(1) == seen(notes, 1) == ("old 1", "b0")
    assert notes.table.queue.depth() == 0


@PATTERNS
def test_two_keys_of_one_row_are_refused(notes: Any, pattern: str) -> None:
    with pytest.raises(ValidationError, match="names the same row"):
        notes.via(pattern).update_many({1: {"title": "a"}, "1": {"title": "b"}})
    assert stored(1) == ("old 1", "b0")


@SYNCHRONOUS
def test_what_the_database_refuses_of_one_row_is_written_of_none(users: Any, people: Any, pattern: str) -> None:
    before = {pk: users.get(pk).email for pk in (1, 2)}
    with pytest.raises(IntegrityError):
        users.via(pattern).update_many({1: {"name": "a"}, 2: {"email": before[1]}})
    assert {pk: users.get(pk).email for pk in (1, 2)} == before
    assert User.objects.get(pk=1).name == users.get(1).name != "a"
    assert users.table.queue.owed() == (0, 0.0)


def test_a_row_that_does_not_name_a_refused_field_keeps_it(notes: Any) -> None:
    queue = notes.table.queue
    notes.via("write-behind").update(1, title="refused")
    [claim], _ = queue.claim(1, 30.0, 3)
    queue.bury(claim, "refused")
    notes.via("write-through").update_many({1: {"body": "b1"}, 2: {"title": "b1"}})
    assert seen(notes, 1) == ("refused", "b1")
    assert queue.dead().keys() == {"1"}
    notes.via("write-through").update_many({1: {"title": "fine"}, 2: {"title": "fine"}})
    assert seen(notes, 1) == ("fine", "b1")
    assert queue.dead() == {}


def test_what_cannot_wait_goes_write_through_and_the_rest_waits(users: Any, people: Any) -> None:
    written = users.via("write-behind").update_many({1: {"name": "a"}, 2: {"email": "other@example.com"}})
    assert (written[1].name, written[2].email) == ("a", "other@example.com")
    assert users.table.queue.waits([1, 2]) == [True, False]
    assert User.objects.get(pk=2).email == "other@example.com"


def test_rows_that_a_full_queue_does_not_take_go_write_through(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes.table.options, "max_pending", 2)
    written = notes.via("write-behind").update_many({pk: {"title": "a"} for pk in (1, 2, 3, 4)})
    assert list(written) == [1, 2, 3, 4]
    assert notes.table.queue.waits([1, 2, 3, 4]) == [True, True, False, False]
    assert [stored(pk)[0] for pk in (1, 2, 3, 4)] == ["old 1", "old 2", "a", "a"]
    assert [seen(notes, pk)[0] for pk in (1, 2, 3, 4)] == ["a"] * 4


@pytest.mark.parametrize("numbers", [(4,), (4, 2)], ids=["four shards", "two after four"])
def test_each_row_is_queued_in_its_shard(notes: Any, numbers: tuple[int, ...]) -> None:
    notes.via("write-behind").update_many({1: {"title": "of one shard"}})
    here = type("NoteCache", (type(notes),), {})(Note)  # as another process, which changes their number
    for number in numbers:
        shard_change.change(here, number)
    rows = {pk: {"title": f"title {pk}"} for pk in (1, 2, 3, 4, 5)}
    assert len(notes.via("write-behind").update_many(rows)) == 5
    assert [seen(notes, pk)[0] for pk in rows] == [f"title {pk}" for pk in rows]
    notes.drain(timeout=5)
    assert [stored(pk)[0] for pk in rows] == [f"title {pk}" for pk in rows]


@pytest.mark.parametrize("done", [0, 1])
def test_a_part_of_the_queue_without_an_answer_leaves_the_outcome_open_once_another_was_asked(done: int) -> None:
    with pytest.raises(OutcomeUnknown if done else QueueUnavailable), all_or_unknown([object()] * done):
        raise QueueUnavailable("no answer")


def test_an_answer_of_the_queue_that_is_lost_acknowledges_none(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: Any, **options: Any) -> Any:
        error = QueueUnavailable("no answer")
        error.sent = True
        raise error

    notes.warm([1])
    monkeypatch.setattr(QUEUE, "answers", lost)
    with pytest.raises(OutcomeUnknown):
        notes.via("write-behind").update_many({1: {"title": "a"}})


@pytest.mark.parametrize(("pattern", "trips"), [("cache-aside", 4), ("write-through", 7), ("write-behind", 3)])
def test_many_rows_take_as_many_trips_as_few(notes: Any, pattern: str, trips: int) -> None:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old") for pk in range(10, 500)])
    for number in (2, 400):
        rows = range(10, 10 + number)
        notes.warm(rows)
        with assert_cache_trips(trips):
            notes.via(pattern).update_many({pk: {"title": f"of {number}"} for pk in rows})
    assert seen(notes, 300)[0] == "of 400"


def test_more_rows_than_one_trip_takes(notes: Any) -> None:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old") for pk in range(10, 1510)])
    for pattern in ("write-behind", "write-through"):
        written = notes.via(pattern).update_many({pk: {"title": pattern} for pk in range(10, 1510)})
        assert len(written) == 1500
        assert {each.title for each in notes.get_many(range(10, 1510)).values()} == {pattern}


# what a slot shows of it


def entry(notes: Any, title: str, stamp: int) -> Entry:
    body = notes.table.codec.encode({"id": 1, "title": title, "body": "", "size": 0})
    return Entry(body, stamp, Origin.SOURCE)


def test_a_queued_write_is_published_over_its_own_base_only(notes: Any, redis_cache: Any) -> None:
    notes.warm([1, 2, 3])
    slots, key = notes.table.slots, notes.table.slots.key
    old = {pk: slots.get(pk) for pk in (1, 2, 3)}
    redis_cache.delete(key(3))
    newer = entry(notes, "newer", 4 * 10**14)
    shown = {1: (old[1], newer), 2: (old[1], newer), 3: (old[3], newer), 4: (None, newer)}
    published = slots.publish_many(shown, [slots.version])
    assert published[1] == slots.get(1) != old[1]
    assert [slots.get(pk) for pk in (2, 3, 4)] == [published[pk] for pk in (2, 3, 4)] == [None] * 3
    older = entry(notes, "older", 1)
    assert slots.publish_many({1: (old[1], older)}, [slots.version]) == {1: None}
    assert slots.get(1) == published[1], "a value that is as new stays"


def test_the_slots_of_another_version_are_emptied(notes: Any, redis_cache: Any) -> None:
    notes.warm([1])
    notes.table.queue.announce("7", b"{}")
    redis_cache.set("v7:note:1", redis_cache.get(notes.table.slots.key(1)), ex=60)
    notes.via("write-behind").update_many({1: {"title": "a"}})
    assert redis_cache.get("v7:note:1") is None


def test_a_queued_write_whose_cache_is_down_is_owed(notes: Any, broken_cache: Any) -> None:
    with broken_cache():
        written = notes.via("write-behind").update_many({1: {"title": "a"}, 2: {"title": "a"}})
    assert [note.title for note in written.values()] == ["a", "a"]
    assert notes.table.queue.owed()[0] == 2


# create_many


@PATTERNS
def test_rows_are_created_in_their_order(no_notes: Any, pattern: str) -> None:
    made = no_notes.via(pattern).create_many([{"title": "a"}, {"title": "b", "body": "c"}])
    assert [(note.title, note.body) for note in made] == [("a", ""), ("b", "c")]
    assert [stored(note.pk) for note in made] == [seen(no_notes, note.pk) for note in made] == [("a", ""), ("b", "c")]
    assert no_notes.table.queue.owed() == (0, 0.0)


def test_a_created_row_is_a_hit_after_write_through_alone(no_notes: Any) -> None:
    for pattern, hits in (("write-through", 1), ("cache-aside", 0)):
        [note] = no_notes.via(pattern).create_many([{"title": "a"}])
        assert bool(no_notes.table.slots.get(note.pk)) == hits


@PATTERNS
def test_one_wrong_new_row_and_none_is_created(no_notes: Any, pattern: str) -> None:
    before = Note.objects.count()
    with pytest.raises(ValidationError) as caught:
        no_notes.via(pattern).create_many([{"title": "a"}, {"title": "x" * 101}])
    assert caught.value.__notes__ == ["In the row at position 1."]
    with pytest.raises(TypeError):
        no_notes.via(pattern).create_many([{"title": "a"}, {"nothing": 1}])
    assert Note.objects.count() == before


def test_new_rows_that_the_database_refuses_are_not_created(users: Any, people: Any) -> None:
    count = User.objects.count()
    with pytest.raises(IntegrityError):
        users.create_many([{"name": "a", "email": "same@example.com"}] * 2)
    assert User.objects.count() == count
    assert users.table.queue.owed() == (0, 0.0)


def test_nothing_to_do_asks_nobody(notes: Any) -> None:
    notes.warm([1])
    with assert_cache_trips(0):
        assert notes.update_many({}) == {}
        assert notes.create_many([]) == []


def test_an_event_loop_has_both(no_notes: Any) -> None:
    async def both() -> Any:
        await asyncio.sleep(0)
        [created] = await no_notes.acreate_many([{"title": "b"}])
        return created, await no_notes.aupdate_many({created.pk: {"title": "a"}})

    created, updated = async_to_sync(both)()
    assert (created.title, updated[created.pk].title) == ("b", "a")
