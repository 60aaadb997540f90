"""Bytes that cachedemo did not write: a miss or a dead letter, logged, never a crash."""

import pytest

from cachedemo import Pattern
from cachedemo.exceptions import ForeignData, OutcomeUnknown
from tests.helpers import as_hash
from tests.notes.models import Note

KEY = "v1:note:1"


GARBAGE = [
    b"",
    b"hello",
    b"V",
    b"V123",
    b"Vxxxxxxxxxxxxxxxx{}",
    b'V1795383347112500{"id": 1, "title": "cut of',
    b'V1795383347112500{"id": 1}',
    b"V1795383347112500{not json}",
    b"V1795383347112500[1]",
    b"L",
    b"Lease",
    b"T",
    b"Tomcat",
    b"T" + b"0" * 16 + b"x" * 13,
    b"N",
    b"N123",
    b"\x00\xff" * 40,
    b'V1795383347112500{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_in_a_slot_is_a_miss(notes, redis_cache, garbage):
    redis_cache.set(KEY, garbage, px=60_000)
    assert notes.get(1).title == "a0"
    assert notes.get_many([1])[1].title == "a0"


def test_a_slot_of_another_type_is_a_miss_and_is_thrown_out(notes, redis_cache, caplog):
    redis_cache.rpush(KEY, "x")
    redis_cache.expire(KEY, 60)
    assert notes.get(1).title == "a0"
    assert "did not write" in caplog.text
    assert notes.read(1).origin == "cache"
    redis_cache.delete(KEY)
    redis_cache.rpush(KEY, "x")
    redis_cache.expire(KEY, 60)
    assert notes.get_many([1])[1].title == "a0"
    assert notes.read(1, with_ttl=True).body


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("garbage", [*GARBAGE, None])
def test_a_write_over_garbage_is_what_the_next_read_returns(notes, redis_cache, pattern, garbage):
    if garbage is None:
        redis_cache.rpush(KEY, "x")
        redis_cache.expire(KEY, 60)
    else:
        redis_cache.set(KEY, garbage, px=60_000)
    notes.via(pattern).update(1, title="a1")
    assert notes.get(1).title == "a1"
    notes.drain(timeout=5)
    assert Note.objects.get(pk=1).title == notes.get(1).title == "a1"


UNREADABLE = [
    b"",
    b"hello",
    b"1795383347112500",
    b"1795383347112500{",
    b"\xff" * 20,
    b"1795383347112500" + b"[" * 100_000,
]


@pytest.mark.parametrize("garbage", UNREADABLE)
def test_garbage_in_a_waiting_field_is_a_dead_letter_and_the_row_is_still_read(notes, redis_queue, garbage, caplog):
    notes.via("write-behind").update(1, title="a1")
    redis_queue.hset(as_hash(redis_queue, "{flush:notes}:row:1"), "body", garbage)
    notes.evict([1])
    note = notes.get(1)
    assert (note.title, note.body) == ("a1", "b0")
    notes.drain(timeout=5)
    [(pk, letter)] = notes.table.queue.dead().items()
    assert (pk, "body" in letter["error"]) == ("1", True)
    assert "cannot be read" in caplog.text
    notes.via("write-behind").update(1, body="b1")
    notes.drain(timeout=5)
    assert notes.table.queue.dead() == {}
    assert Note.objects.values_list("title", "body").get(pk=1) == ("a1", "b1")


def test_a_field_that_no_version_knows_is_a_dead_letter(notes, redis_queue):
    notes.via("write-behind").update(1, title="a1")
    redis_queue.hset(as_hash(redis_queue, "{flush:notes}:row:1"), "colour", b'1795383347112500"red"')
    notes.drain(timeout=5)
    [letter] = notes.table.queue.dead().values()
    assert "colour" in letter["error"]
    assert notes.get(1).title == "a1"


def test_a_value_of_the_wrong_kind_is_a_dead_letter(notes, redis_queue):
    notes.table.queue.enqueue(1, 0, 10, {"size": "many"})
    notes.table.queue.enqueue(1, 0, 10, {"title": {"not": "text"}})
    notes.drain(timeout=5)
    assert notes.table.queue.dead().keys() == {"1"}
    assert Note.objects.get(pk=1).size == 0


def test_a_row_key_of_another_type_is_a_dead_letter_and_writes_go_to_the_source(notes, redis_queue):
    notes.via("write-behind").update(1, title="lost: somebody overwrote it")
    redis_queue.set("{flush:notes}:row:1", "x")
    notes.evict([1])
    assert notes.get(1).title == "a0"
    notes.drain(timeout=5)
    [letter] = notes.table.queue.dead().values()
    assert "WRONGTYPE" in letter["error"]
    written = notes.via("write-behind").write(1, {"title": "a1"})
    assert (written.pattern, written.reason) == ("write-through", "foreign")
    assert notes.get(1).title == "a1"


SHARED = ["flush:notes", *(f"{{flush:notes}}:{part}" for part in ("clock", "versions", "pending", "owed"))]


@pytest.mark.parametrize("key", SHARED)
def test_a_key_that_all_rows_share_is_named_by_the_error(notes, redis_queue, key):
    notes.via("write-behind").update(1, title="a1")
    redis_queue.delete(key)
    redis_queue.sadd(key, "x")
    said = []
    for use in (
        lambda: notes.via("write-behind").update(1, title="a2"),
        lambda: notes.update(1, body="b2"),
        notes.flush,
    ):
        try:
            use()
        except (ForeignData, OutcomeUnknown) as error:
            said.append(str(error))
    assert said
    assert all(key in each for each in said)


def test_an_id_in_the_list_that_is_no_id_is_skipped_or_buried(notes, redis_queue):
    redis_queue.rpush("flush:notes", "x", "", "1")
    redis_queue.hset("{flush:notes}:row:x", "title", b'1795383347112500"new"')
    redis_queue.zadd("{flush:notes}:pending", {"x": 1795383347112500})
    notes.drain(timeout=5)
    assert notes.table.queue.dead().keys() == {"x"}
