"""What a release before this one has filed under another text of a key lands in its row, in the right order."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.db import models

from tests.cachedemo.made_models import made

QUEUE = "flush:mades"
KEYS = f"{{{QUEUE}}}:"
ONE = Decimal("1.00")


@pytest.fixture
def priced(transactional_db: None) -> Iterator[Any]:
    columns = {
        "price": models.DecimalField(primary_key=True, max_digits=8, decimal_places=2),
        "title": models.CharField(max_length=20),
        "size": models.IntegerField(default=0),
    }
    with made(columns) as cache:
        cache.model.objects.create(price=1, title="t0")
        yield cache


@pytest.fixture
def files(priced: Any, redis_queue: redis.Redis) -> Any:
    """Return what files a write as a release before this one did; it returns the stamp."""
    priced.announce()

    def file(text: str, refused: bool = False, **fields: Any) -> int:
        stamp = priced.table.queue.stamp(None, "0" * 16, 15, 0, "1").stamp
        for name, value in fields.items():
            redis_queue.hset(f"{KEYS}row:{text}", name, f"{stamp:016d}{json.dumps(value)}")
            if refused:
                redis_queue.hset(f"{KEYS}row:{text}", f"!{name}", f"{stamp:016d}true")
        redis_queue.zadd(f"{KEYS}pending", {text: "+inf" if refused else stamp})
        if refused:
            redis_queue.hset(f"{KEYS}dead", text, json.dumps({"error": "E", "at": 1.0, "stamps": {}}))
        elif redis_queue.lpos(QUEUE, text) is None:
            redis_queue.rpush(QUEUE, text)
        return stamp

    return file


def row(cache: Any) -> tuple[str, int]:
    return cache.model.objects.values_list("title", "size").get()


def left(redis_queue: redis.Redis) -> set[bytes]:
    """The keys that a queue has while something waits or somebody works on it."""
    names = ("pending", "claimed", "dead", "reaped", "row:*")
    return {key for name in names for key in redis_queue.scan_iter(KEYS + name)}


def test_a_flush_files_it_anew_and_the_newer_write_of_each_field_stays(
    priced: Any, files: Any, redis_queue: redis.Redis
) -> None:
    files("1", title="first")
    priced.via("write-behind").update(1, title="second")
    files("1.0", size=5)
    files("1.000", title="third")
    priced.via("write-behind").update(1, size=6)
    priced.drain(timeout=10)
    assert row(priced) == ("third", 6)
    assert (priced.get(1).title, priced.get(1).size) == row(priced)
    assert left(redis_queue) == set()
    assert redis_queue.llen(QUEUE) == 0


def test_a_slot_that_shows_the_row_without_it_is_emptied(priced: Any, files: Any) -> None:
    files("1", title="waited")
    assert priced.get(1).title == "t0", "nobody can know yet"
    priced.flush()
    assert priced.get(1).title == "waited"
    assert row(priced) == ("t0", 0)
    priced.drain(timeout=5)
    assert row(priced) == ("waited", 0)


def test_a_process_files_all_of_it_before_it_serves_or_writes(priced: Any, files: Any) -> None:
    files("1", title="waited")
    files("1E0", refused=True, size=-1)
    priced.table.announced = None  # as a process that has just begun
    assert priced.get(1).title == "waited"
    priced.via("write-through").update(1, size=3)
    assert row(priced) == ("waited", 3), "a newer write of another field carries it"
    priced.drain(timeout=5)
    assert row(priced) == ("waited", 3)


def test_a_dead_letter_stays_one_under_the_text_of_its_key(priced: Any, files: Any, redis_queue: redis.Redis) -> None:
    files("1E0", refused=True, size=-1)
    files("1E0", title="fine")
    priced.drain(timeout=5)
    assert list(priced.table.queue.dead()) == ["1.00"]
    assert priced.get(1).size == -1, "readers see what was acknowledged"
    assert row(priced) == ("fine", 0)
    assert priced.table.queue.retry(["1.00"]) == 1
    priced.drain(timeout=5)
    assert row(priced) == ("fine", -1)
    assert left(redis_queue) == set()


def test_it_waits_while_somebody_writes_or_flushes_the_row(priced: Any, files: Any, redis_queue: redis.Redis) -> None:
    files("1", title="waited")
    token = "f" * 16
    stamped = priced.table.queue.stamp(ONE, token, 15, 0, "1")
    assert not priced.table.queue.refile("1", "1.00", 0), "the writer has not seen it, and would drop it"
    priced.flush()
    assert redis_queue.exists(f"{KEYS}row:1")
    priced.table.queue.settle_up(ONE, token, stamped.stamp, ["1"], "1", ["size"])
    priced.via("write-behind").update(1, size=1)
    priced.drain(timeout=10)
    assert row(priced) == ("waited", 1)
    priced.via("write-behind").update(1, size=2)
    claims, _ = priced.table.queue.claim(10, 30, 3)
    files("1", title="late")
    assert not priced.table.queue.refile("1", "1.00", 0), "the worker has not seen it, and would drop it"
    priced.table.queue.release([claim.pk for claim in claims])
    priced.drain(timeout=10)
    assert row(priced) == ("late", 2)
    assert left(redis_queue) == set()


def test_a_key_that_never_had_two_texts_is_not_looked_for(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cachedemo import cache_for
    from tests.notes.models import Note

    notes = cache_for(Note)
    monkeypatch.setattr(notes.table.queue, "waiting_pks", lambda: pytest.fail("looked through all that waits"))
    notes.announce()
