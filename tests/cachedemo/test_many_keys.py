"""Any number of keys: in flat memory, in statements that every SQLite takes, in as many trips a thousand."""

import sqlite3
import tracemalloc

import pytest
from django.db import connection, transaction

from tests.helpers import past_cachedemo
from tests.notes.models import Note

FEW, MANY = 2_000, 40_000


def overhead(call, count):
    """Return how many bytes a call takes beyond what it leaves behind, given a generator of so many keys."""
    tracemalloc.start()
    try:
        answer = call(pk for pk in range(10, 10 + count))
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del answer  # held until here: it is what the call leaves behind
    return peak - left


@pytest.mark.parametrize("name", ["warm", "evict", "read_many", "get_many"])
def test_memory_does_not_grow_with_the_keys(notes, name):
    call = getattr(notes, name)
    call(range(10, 20))  # what is imported and compiled at the first call is no matter
    # Cycles wait for their collection, a chunk's or three chunks'; what grows with the keys grows by twenty here.
    assert min(overhead(call, MANY) for _ in range(2)) < 4 * max(overhead(call, FEW) for _ in range(2))


@pytest.fixture
def rows(notes):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"t{pk}", body="b") for pk in range(10, 2_510)])
    return range(10, 2_510)


def test_each_row_is_found_whatever_its_chunk(notes, rows):
    assert notes.warm(iter(rows)) == len(rows)
    assert notes.warm([10, "10", *rows, 10, 999_999]) == len(rows) + 3, "one that is named twice counts twice"
    found = notes.get_many(iter([*rows, *rows, 999_999]))
    assert {pk: note.title for pk, note in found.items()} == {pk: f"t{pk}" for pk in rows}
    assert {pk: entry.origin for pk, entry in notes.read_many(rows).items()} == dict.fromkeys(rows, "cache")


def test_each_slot_is_emptied_whatever_its_chunk(notes, rows, redis_cache):
    notes.warm(rows)
    notes.evict(pk for pk in rows)
    assert redis_cache.dbsize() == 0


def test_inside_a_transaction_a_generator_is_evicted_on_commit(notes, rows, redis_cache):
    notes.warm(rows)
    with transaction.atomic():
        notes.evict(pk for pk in rows)
        assert redis_cache.dbsize() == len(rows)
    assert redis_cache.dbsize() == 0


@pytest.mark.skipif("connection.vendor != 'sqlite'")
@pytest.mark.parametrize("limit", [999, 32_766])
def test_a_sqlite_of_any_limit_takes_it(notes, rows, limit):
    connection.ensure_connection()
    before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)
    try:
        assert notes.warm(rows) == len(rows)
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


@pytest.mark.parametrize(("count", "thousands"), [(1, 1), (1_000, 1), (2_000, 2)])
def test_trips_are_as_many_for_each_thousand_rows(notes, rows, assert_cache_trips, count, thousands):
    with assert_cache_trips(cache=3 * thousands, queue=thousands):
        notes.warm(rows[:count])
    with assert_cache_trips(thousands, cache=thousands):
        notes.warm(rows[:count])
