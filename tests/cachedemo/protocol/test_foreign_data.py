"""Bytes that cachedemo did not write: a miss or a dead letter, logged, never a crash."""

import time

import pytest

from cachedemo import Pattern, cache_for
from cachedemo.operations import keyspace
from cachedemo.protocol import stats
from cachedemo.servers import roles
from tests.notes.models import Note
from tests.operators import ALL, client_of, operator, text, token, url
from users.models import User

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


@pytest.fixture
def notes(transactional_db):
    Note.objects.bulk_create([Note(pk=1, title="a0", body="b0")])
    return cache_for(Note)


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
    redis_queue.hset("{flush:notes}:row:1", "body", garbage)
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
    redis_queue.hset("{flush:notes}:row:1", "colour", b'1795383347112500"red"')
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
    notes.via("write-behind").update(1, title="lost to whoever overwrote it")
    redis_queue.set("{flush:notes}:row:1", "x")
    notes.evict([1])
    assert notes.get(1).title == "a0"
    notes.drain(timeout=5)
    [letter] = notes.table.queue.dead().values()
    assert "WRONGTYPE" in letter["error"]
    written = notes.via("write-behind").write(1, {"title": "a1"})
    assert (written.pattern, written.reason) == ("write-through", "foreign")
    assert notes.get(1).title == "a1"


def test_an_id_in_the_list_that_is_no_id_is_skipped_or_buried(notes, redis_queue):
    redis_queue.rpush("flush:notes", "x", "", "1")
    redis_queue.hset("{flush:notes}:row:x", "title", b'1795383347112500"new"')
    redis_queue.zadd("{flush:notes}:pending", {"x": 1795383347112500})
    notes.drain(timeout=5)
    assert notes.table.queue.dead().keys() == {"x"}


# What is not ours on the pages


@pytest.mark.parametrize(
    ("command", "key", "words"),
    [
        ("HSET", "{flush:users}:versions", ("abc", "{}")),
        ("HSET", "{flush:users}:versions", ("1", "garbage")),
        ("HSET", "{flush:users}:dead", ("1", "garbage")),
        ("HSET", "{flush:users}:dead", (b"\xff", "{}")),
        ("SET", "{flush:users}:paused", ("garbage",)),
        ("SET", keyspace.KEY, ("garbage",)),
        ("HSET", stats.bucket(int(time.time()) // 3600), ("x:hits", "x")),
    ],
)
def test_what_somebody_else_left_on_the_queue_server_breaks_no_page(people, redis_queue, command, key, words):
    redis_queue.execute_command(command, key, *words)
    client = client_of(operator(*ALL))
    for name in ("changelist", "versions", "queue", "danger", "server"):
        assert client.get(url(name)).status_code == 200, name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v2:user:1", b'V%016d{"id": 1, "x": %b}' % (5, b"[" * 100_000 + b"]" * 100_000)),
        ("v2:user:1", b"V%016d{\xff}" % 5),
        (f"v{'9' * 4400}:user:1", b"x"),
        (b"v2:user:\xff\xfe", b"x"),
    ],
)
def test_what_somebody_else_left_in_the_cache_breaks_no_page(people, redis_cache, key, value):
    redis_cache.set(key, value, ex=60)
    keyspace.keep()
    client = client_of(operator(*ALL))
    for name in ("changelist", "versions", "danger"):
        assert client.get(url(name)).status_code == 200, name
    assert client.get(url("keys"), {"prefix": "v"}).status_code == 200
    assert client.get(url("key"), {"key": key}).status_code == 200


def test_odd_requests_are_answered(people, redis_cache):
    cache_for(User).read(1)
    client = client_of(operator(*ALL))
    for name, query in (
        ("keys", {"prefix": "v", "cursor": "9" * 26}),
        ("keys", {"prefix": "v", "cursor": "\u0661"}),
        ("history", {"who": "\0"}),
        ("history", {"action": "\0"}),
    ):
        answer = client.get(url(name), query)
        assert answer.status_code == 200
        assert "down" not in text(answer)
    page = url("key") + "?key=v2:user:1"
    form = {"token": token(client.get(page), "set-ttl"), "seconds": "9" * 5000}
    assert "whole number of seconds" in text(client.post(url("set-ttl"), form, follow=True))


def test_a_command_that_is_forbidden_does_not_make_the_server_look_down(people, redis_queue, settings):
    redis_queue.execute_command("ACL", "SETUSER", "limited", "on", ">x", "~*", "&*", "+@all", "-config", "-slowlog")
    limited = settings.CACHEDEMO["QUEUE_URL"].replace("redis://", "redis://limited:x@")
    settings.CACHEDEMO = {**settings.CACHEDEMO, "QUEUE_URL": limited}
    roles.reset()
    try:
        client = client_of(operator(*ALL))
        for name in ("changelist", "versions", "queue", "server"):
            assert "Redis is down" not in text(client.get(url(name))), name
    finally:
        redis_queue.execute_command("ACL", "DELUSER", "limited")
