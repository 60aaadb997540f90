"""What is owed to the cache is bounded, also where there is no worker to work it off."""

import re
import time

import pytest

from cachedemo.operations import version_deletion
from cachedemo.protocol import flush
from tests.environment import ROOT
from tests.interleaving import interleaving
from tests.notes.rows import OWED

SCRIPT = (ROOT / "cachedemo/protocol/lua/queue.lua").read_text()
MOST = int(re.search(r"MOST_OWED, ALL = (\d+)", SCRIPT)[1])


@pytest.fixture
def almost_too_much(redis_queue):
    let_many_die(redis_queue)


def let_many_die(redis_queue):
    """So many writers have died that one more is too many."""
    with redis_queue.pipeline(transaction=False) as pipe:
        for first in range(0, MOST, 10_000):
            pipe.zadd(OWED, {f"{pk}:{pk:016x}": pk for pk in range(first, first + 10_000)})
        pipe.execute()


@pytest.fixture
def keys_of_others(redis_cache):
    others = ["v1:notes:1", "v1:tag:1", "v11:note:1", "v3:user:1", "somebody's"]
    for key in others:
        redis_cache.set(key, "x", ex=60)
    return {key.encode() for key in others}


def test_it_grows_no_further_where_nobody_reaps(notes, redis_queue):
    for first in range(0, MOST + 20_000, 1000):
        notes.table.queue.owe(range(first, first + 1000))
    assert redis_queue.zcard(OWED) <= MOST + 1000
    assert redis_queue.zscore(OWED, ":all") is not None


@pytest.mark.usefixtures("almost_too_much")
def test_beyond_the_bound_all_slots_are_owed_and_no_others(notes, redis_queue, redis_cache, keys_of_others):
    notes.get_many([1, 2])
    notes.table.queue.owe([1])
    assert set(redis_queue.zrange(OWED, 0, -1)) == {b":all", b"1:cache"}
    assert notes.flush() == 0
    assert set(redis_cache.scan_iter()) == keys_of_others
    assert redis_queue.zcard(OWED) == 0


@pytest.mark.usefixtures("almost_too_much")
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_writer_bounds_it_too(notes, redis_queue, pattern):
    notes.via(pattern).update(1, title="a1")
    assert redis_queue.zrange(OWED, 0, -1) == [b":all"]
    assert notes.get(1).title == "a1"


def test_a_writer_under_way_stays_owed(notes, redis_queue):
    with interleaving() as actor:
        writer = actor(lambda: notes.update(1, title="a1")).step("stamp")
        let_many_die(redis_queue)
        notes.table.queue.owe([2])
        members = redis_queue.zrange(OWED, 0, -1)
        assert {b":all", b"2:cache"} < set(members)
        assert len(members) == 3
        writer.finish()
    assert set(redis_queue.zrange(OWED, 0, -1)) == {b":all", b"2:cache"}


def test_where_nobody_reaps_deletions_that_are_long_over_are_forgotten_too(notes, redis_queue):
    gone = "{flush:notes}:gone"
    redis_queue.zadd(gone, {f"old-{number}": number for number in range(1, 16)})
    notes.delete(1)
    assert redis_queue.zcard(gone) == 6
    notes.delete(2)
    assert set(redis_queue.zrange(gone, 0, -1)) == {b"1", b"2"}


@pytest.mark.usefixtures("almost_too_much")
def test_while_the_cache_is_away_all_stays_owed(notes, redis_queue, broken_cache):
    notes.table.queue.owe([1])
    with broken_cache():
        flush.reap(notes.table)
        assert redis_queue.zscore(OWED, ":all") is not None
    deadline = time.monotonic() + 5
    while redis_queue.zcard(OWED) and time.monotonic() < deadline:
        flush.reap(notes.table)
    assert redis_queue.zcard(OWED) == 0


def test_what_is_owed_to_all_slots_is_no_writer(notes, redis_queue):
    redis_queue.zadd(OWED, {":all": 1, "1:cache": 1, "1:0123456789abcdef": 1})
    assert version_deletion._under_way(notes) == {b"1:0123456789abcdef"}
