"""Round trips are counted as the servers see them, and listed where there are others than expected."""

import threading
from typing import Any

import pytest

from cachedemo.servers import roles
from cachedemo.testing import assert_cache_trips
from tests.notes.models import Note


def test_a_pipeline_is_one_trip_and_a_refused_connection_is_one(notes: Any, cache_server: Any) -> None:
    notes.warm([1])
    with assert_cache_trips(1) as trips:
        roles.CACHE.pipeline([("GET", "a"), ("GET", "b")])
    assert trips[0].commands == ("GET a", "GET b")
    cache_server.kill()
    with assert_cache_trips(cache=1, queue=1) as trips:
        notes.get(1)
    assert "Connection" in trips[0].error
    assert [trip.server for trip in trips[:2]] == ["cache", "queue"]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"num": 5}, "4 != 5 : 4 round trips, 5 expected"),
        ({"cache": 1}, "3 != 1 : 3 round trips to the cache server, 1 expected"),
        ({"num": 4, "queue": 2}, "1 != 2 : 1 round trips to the queue server, 2 expected"),
    ],
)
def test_they_are_all_listed_in_their_order(notes: Any, expected: dict[str, int], said: str) -> None:
    with pytest.raises(AssertionError) as caught, assert_cache_trips(**expected):
        notes.get(1)
    first, *lines = str(caught.value).splitlines()
    assert first == said
    words = [
        "cache: GET v1:note:1",
        "cache: SET v1:note:1 L",
        "queue: GET {flush:notes}:row:1 | ",
        "cache: EVAL",
    ]
    assert len(lines) == len(words)
    for number, (line, begins) in enumerate(zip(lines, words, strict=True), 1):
        assert line.startswith(f"{number}. {begins}")


def test_what_a_process_does_once_is_not_counted(
    transactional_db: None, redis_cache: Any, redis_queue: Any, notes: Any
) -> None:
    """So the number is the same whichever test is the first: neither announced, nor has a server the scripts."""
    notes.table.announced = None
    redis_cache.script_flush()
    redis_queue.script_flush()
    with assert_cache_trips(4):
        notes.get(1)


def test_an_error_of_the_block_comes_through(notes: Any) -> None:
    with pytest.raises(Note.DoesNotExist), assert_cache_trips(0):
        notes.get(99)


def test_other_threads_and_what_comes_later_are_not_counted(notes: Any) -> None:
    notes.warm([1])
    with assert_cache_trips(0) as trips:
        thread = threading.Thread(target=roles.CACHE.command, args=("PING",))
        thread.start()
        thread.join()
    notes.get(1)
    assert len(trips) == 0


def test_blocks_can_be_inside_each_other_and_around_a_change_of_address(notes: Any, broken_cache: Any) -> None:
    notes.warm([1])
    with assert_cache_trips(cache=3) as trips:
        notes.get(1)
        with broken_cache(), assert_cache_trips(cache=1):
            notes.get(1)
        notes.get(1)
    assert [bool(trip.error) for trip in trips if trip.server == "cache"] == [False, True, False]


def test_a_number_must_be_given() -> None:
    with pytest.raises(TypeError, match=r"Say how many round trips there should be"), assert_cache_trips():
        pass
