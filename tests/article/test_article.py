"""The article's steps, in its order: ping, cold and warm reads, each pattern's update, the flush, and FLUSHDB."""

import time

import pytest
from django.core.management import call_command

from cachedemo import cache_for
from tests.helpers import until
from users.models import User

LATENCY = 0.2  # seconds, the article's simulated database

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture(autouse=True)
def slow_source(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "SOURCE_LATENCY_MS": LATENCY * 1000}


@pytest.fixture
def users():
    users = cache_for(User)
    users.announce()
    return users


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def stored_name(pk=1):
    return User.objects.values_list("name", flat=True).get(pk=pk)


def test_step_1_ping(capsys):
    call_command("cache_ping")
    assert capsys.readouterr().out.count("PONG") == 2


def test_steps_3_and_6_a_cold_read_costs_the_source_and_a_warm_read_does_not(users):
    for pk in (1, 2, 3):
        entry, seconds = timed(lambda pk=pk: users.read(pk))
        assert entry.origin == "source"
        assert seconds >= LATENCY
    for pk in (1, 2, 3):
        entry, seconds = timed(lambda pk=pk: users.read(pk))
        assert entry.origin == "cache"
        assert seconds < LATENCY


@pytest.mark.parametrize(
    ("pattern", "trips", "next_read"),
    [
        pytest.param("cache-aside", 1, "source", id="step 3, cache-aside"),
        pytest.param("write-through", 1, "cache", id="step 4, write-through"),
        pytest.param("write-behind", 0, "cache", id="step 5, write-behind"),
    ],
)
def test_an_update_pays_for_its_trips_and_is_read_fresh(users, pattern, trips, next_read):
    users.get(1)
    _, seconds = timed(lambda: users.via(pattern).update(1, name="Alice S."))
    assert trips * LATENCY <= seconds < (trips + 1) * LATENCY
    entry = users.read(1)
    assert entry.origin == next_read
    assert b"Alice S." in entry.body


def test_a_whole_transaction_and_a_whole_batch_pay_one_trip(users):
    _, seconds = timed(lambda: users.via("write-through").create(name="Dan", email="dan@example.com"))
    assert LATENCY <= seconds < 2 * LATENCY
    users.get_many([1, 2, 3])
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name="new")
    rows, seconds = timed(users.flush)
    assert rows == 3
    assert LATENCY <= seconds < 2 * LATENCY


def test_flushdb_on_the_cache_loses_nothing_that_waits(users, redis_cache):
    users.get(1)
    users.via("write-behind").update(1, name="Alice S.")
    redis_cache.flushdb()
    entry = users.read(1)
    assert entry.origin == "pending"
    assert b"Alice S." in entry.body
    redis_cache.flushdb()
    users.drain(timeout=5)
    assert stored_name() == "Alice S."
    assert users.get(1).name == "Alice S."


def test_a_version_prefix_keeps_last_weeks_entries_out(users, redis_cache):
    redis_cache.set("v1:user:1", b'V1795383347112500{"id": 1, "login": "alice"}', px=60_000)
    assert users.get(1).name == "Alice Singh"
    assert set(redis_cache.scan_iter()) == {b"v1:user:1", b"v2:user:1"}


def test_every_entry_has_a_time_to_live(users, redis_cache):
    users.get(1)
    with pytest.raises(User.DoesNotExist):
        users.get(99)
    assert 54_000 <= redis_cache.pttl("v2:user:1") <= 66_000
    assert 0 < redis_cache.pttl("v2:user:99") <= 5_500


def test_step_5_write_behind_is_visible_at_once_and_in_the_source_within_two_seconds(users, worker):
    users.via("write-behind").update(2, name="Bo")
    until(lambda: stored_name(2) == "Bo")  # the worker's first flush also imports, connects and asks
    users.get(1)
    users.via("write-behind").update(1, name="Alice S.")
    assert users.get(1).name == "Alice S."
    until(lambda: stored_name() == "Alice S.", timeout=2)
    until(lambda: users.table.queue.depth() == 0)
    assert users.get(1).name == "Alice S."
