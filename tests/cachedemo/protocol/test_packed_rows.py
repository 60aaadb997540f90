"""What waits for a row is one string while it is values only, and a hash as soon as it is more."""

import json
from typing import Any

import pytest
import redis

from cachedemo.operations import dead_letters
from cachedemo.protocol import row_json
from cachedemo.protocol.waiting import pairs
from cachedemo.protocol.waiting_fields import decode, decode_packed, unpacked
from tests.helpers import as_hash, entries, one_shard
from tests.notes.models import Note

pytestmark = one_shard

ROW = "{flush:notes}:row:1"
OLD_RELEASE = json.dumps({"state": "live", "since": 0, "fields": ["body", "size", "title"], "increments": True})
VALUES = [
    *("", "]", '"', "\\", "a\nb", '],"size":[5,6]\n', "\u2028\x00\x7f", "über", "\U0001f600"),
    *(0, -1, 2**70, 1.5, True, None, [], [["]"]], {}, {"a": ['",', {"b": None}]}),
]


def kind(redis_queue: redis.Redis) -> bytes:
    return redis_queue.type(ROW)


def stored() -> Any:
    return Note.objects.values_list("title", "body").get(pk=1)


def is_of_an_old_release(redis_queue: redis.Redis) -> None:
    redis_queue.hset("{flush:notes}:versions", "2", OLD_RELEASE)


def test_values_are_packed_and_an_increment_makes_a_hash_of_them(notes: Any, redis_queue: redis.Redis) -> None:
    behind = notes.via("write-behind")
    behind.update(1, title="a1")
    behind.update(1, body="b1")
    assert kind(redis_queue) == b"string"
    assert entries(redis_queue, ROW).keys() == {b"title", b"body"}
    behind.increment(1, size=2)
    assert kind(redis_queue) == b"hash"
    notes.evict([1])
    note = notes.get(1)
    assert (note.title, note.body, note.size) == ("a1", "b1", 2)
    notes.drain(timeout=5)
    assert (*stored(), Note.objects.get(pk=1).size) == ("a1", "b1", 2)
    assert kind(redis_queue) == b"none"


@pytest.mark.parametrize("value", VALUES)
def test_every_value_comes_out_as_it_went_in(notes: Any, redis_queue: redis.Redis, value: Any) -> None:
    """Both by Lua, which takes a row apart to write another field, and by Python."""
    queue = notes.table.queue
    queue.enqueue(1, 0, 10, {"title": value})
    first = queue.enqueue(1, 0, 10, {"body": "x"})
    second = queue.enqueue(1, 0, 10, {"size": value})
    assert {name: each for name, (_, each) in second.pending.items()} == {"title": value, "body": "x", "size": value}
    assert queue.pending([1], notes.table.slots.version)[0] == [second.pending]
    [claim] = queue.claim(10, 30, 3).claims
    assert (claim.fields, claim.stamp, claim.error) == (second.pending, second.stamp, None)
    assert claim.fields["body"][0] == first.stamp
    packed = redis_queue.get(ROW)
    assert row_json.stamped_by_json(packed[18:]) == claim.fields
    assert decode(pairs(unpacked(packed))) == (claim.fields, {})


def test_while_an_old_release_is_live_nothing_is_packed(notes: Any, redis_queue: redis.Redis) -> None:
    is_of_an_old_release(redis_queue)
    notes.via("write-behind").update(1, title="a1")
    assert redis_queue.hgetall(ROW).keys() == {b"title"}
    notes.drain(timeout=5)
    assert stored() == ("a1", "b0")


def test_the_next_write_unpacks_a_row_once_an_old_release_is_live(notes: Any, redis_queue: redis.Redis) -> None:
    behind = notes.via("write-behind")
    behind.update(1, title="a1")
    is_of_an_old_release(redis_queue)
    behind.update(1, body="b1")
    assert redis_queue.hgetall(ROW).keys() == {b"title", b"body"}
    notes.drain(timeout=5)
    assert stored() == ("a1", "b1")


def test_what_an_old_release_has_left_is_read_and_flushed(notes: Any, redis_queue: redis.Redis) -> None:
    behind = notes.via("write-behind")
    behind.update(1, title="a1")
    as_hash(redis_queue, ROW)
    notes.evict([1])
    assert notes.get(1).title == "a1"
    behind.update(1, body="b1")
    notes.drain(timeout=5)
    assert stored() == ("a1", "b1")


@pytest.mark.parametrize("then", ["a retry", "the next write"])
def test_a_worker_of_an_old_release_loses_nothing(notes: Any, redis_queue: redis.Redis, then: str) -> None:
    """It finds a key of another type there and makes a dead letter of the row."""
    notes.via("write-behind").update(1, title="a1")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        redis_queue.hgetall(ROW)
    redis_queue.delete("flush:notes")
    redis_queue.hset("{flush:notes}:dead", "1", json.dumps({"error": "WRONGTYPE", "at": 0, "stamps": {}}))
    redis_queue.zadd("{flush:notes}:pending", {"1": "+inf"})
    if then == "a retry":
        dead_letters.retry(notes, ["1"])
    else:
        notes.via("write-behind").update(1, body="b0")
    notes.drain(timeout=5)
    assert stored() == ("a1", "b0")
    assert notes.table.queue.dead() == {}


def test_a_field_that_is_written_again_stands_there_once(notes: Any, redis_queue: redis.Redis) -> None:
    queue = notes.table.queue
    for title, body in (("a1", "b1"), ("a2", "b2"), ("a3", "b3")):
        queue.enqueue(1, 0, 10, {"title": title, "body": body})
        assert entries(redis_queue, ROW).keys() == {b"title", b"body"}
        assert redis_queue.get(ROW).count(b"\n") == 3
        assert [value for _, value in queue.pending([1], notes.table.slots.version)[0][0].values()] == [title, body]


def test_of_a_row_that_is_written_while_it_is_flushed_what_is_newer_stays(notes: Any, redis_queue: redis.Redis) -> None:
    queue = notes.table.queue
    queue.enqueue(1, 0, 10, {"title": "a1"})
    [claim] = queue.claim(10, 30, 3).claims
    queue.enqueue(1, 0, 10, {"body": "b1"})
    queue.ack({claim.pk: claim.stamp})
    assert entries(redis_queue, ROW).keys() == {b"body"}
    notes.drain(timeout=5)
    assert stored() == ("a0", "b1")


def test_of_a_hash_too(notes: Any, redis_queue: redis.Redis) -> None:
    queue = notes.table.queue
    queue.enqueue(1, 0, 10, {"title": "a1"})
    as_hash(redis_queue, ROW)
    [claim] = queue.claim(10, 30, 3).claims
    queue.enqueue(1, 0, 10, {"body": "b1"})
    queue.ack({claim.pk: claim.stamp})
    assert entries(redis_queue, ROW).keys() == {b"body"}


@pytest.mark.parametrize("garbage", [b"=", b"=" + b"1" * 16 + b"\n{", b'=1795383347112500\n{"title":[1,2,3]\n}'])
def test_what_only_begins_like_a_packed_row_stops_nobody(notes: Any, redis_queue: redis.Redis, garbage: bytes) -> None:
    notes.via("write-behind").update(1, title="a1")
    notes.via("write-behind").update(2, title="a2")
    redis_queue.set(ROW, garbage)
    notes.evict([1])
    assert notes.get(1).title == "a0"
    notes.drain(timeout=5)
    assert Note.objects.get(pk=2).title == "a2"
    assert notes.table.queue.dead().keys() == {"1"}


def test_what_is_no_stamp_and_value_is_none() -> None:
    head = b"=1795383347112500\n"
    for body in (b'{"title":["1",2]\n}', b'{"title":5\n}', b'{"title":[1]\n}', b"{}", b"[]", b""):
        assert decode_packed(head + body) is None, body
    assert decode_packed(b"=9795383347112500\n{}") is None
