"""Statistics: counted without a trip, sent once, added up over threads and processes."""

import os
import threading
import time
import timeit
from collections.abc import Callable
from typing import Any

import pytest
import redis

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable
from cachedemo.protocol import stats
from cachedemo.servers.roles import QUEUE, Role
from playground.throwaway import Throwaway
from tests.helpers import counted_from_zero, until
from tests.processes import Process
from users.models import User


@pytest.fixture(autouse=True)
def from_zero(redis_queue: redis.Redis) -> None:
    """What other tests have counted in this process is none of these tests' business, nor what is just being sent."""
    counted_from_zero(redis_queue)


def counted(minutes: int = 2) -> dict[str, float]:
    """Return what the server has of the last minutes, asked past the code under test."""
    now = time.time()
    with redis.Redis.from_url(os.environ["CACHEDEMO_QUEUE_URL"]) as client:
        answers = [client.execute_command(*query) for query in stats.queries(minutes, now)]
    history = stats.by_minute(answers, minutes, now)
    total: dict[str, float] = {}
    for minute in history.values():
        for name, value in minute.items():
            total[name] = total.get(name, 0) + value
    return total


def sent() -> dict[str, float]:
    stats.send()
    return counted()


def test_a_read_is_counted_by_its_origin(people: list[User]) -> None:
    users = cache_for(User)
    users.read(1)
    users.read(1)
    users.get_many([1, 2])
    assert sent() == {"source": 2, "hits": 2}
    users.via("write-behind").update(3, name="Caz")
    users.evict([3])
    users.read(3)
    assert sent()["pending"] == 1


def test_a_flush_is_counted_with_its_rows_and_the_wait_of_the_oldest(people: list[User]) -> None:
    users = cache_for(User)
    for pk in (1, 2):
        users.via("write-behind").update(pk, name="x")
    time.sleep(0.2)
    users.drain(timeout=5)
    numbers = sent()
    assert numbers["flushed"] == 2
    assert numbers["batches"] == 1
    assert 200 <= numbers["lag_ms"] < 5000


def test_what_was_sent_is_not_sent_again() -> None:
    stats.count(stats.HITS, 5)
    assert sent() == {"hits": 5}
    assert sent() == {"hits": 5}
    stats.count(stats.HITS)
    assert sent() == {"hits": 6}


def test_threads_that_have_ended_count_too() -> None:
    def work() -> None:
        for _ in range(10_000):
            stats.count(stats.HITS)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent() == {"hits": 80_000}
    stats.count(stats.HITS)
    assert sent() == {"hits": 80_001}


def test_processes_add_up(run_code: Callable[..., Process]) -> None:
    count = "from cachedemo.protocol import stats\nfor _ in range(1000): stats.count(stats.HITS)"
    processes = [run_code(count) for _ in range(3)]
    for process in processes:
        process.finish()
    assert counted() == {"hits": 3000}


def test_a_forked_child_does_not_send_what_its_parent_has_counted(run_code: Callable[..., Process]) -> None:
    run_code(
        "import os\n"
        "from cachedemo.protocol import stats\n"
        "stats.count(stats.HITS, 100)\n"
        "if os.fork() == 0:\n"
        "    stats.count(stats.SOURCE)\n"
        "    stats.send()\n"
        "    os._exit(0)\n"
        "os.wait()"
    ).finish()
    assert counted() == {"hits": 100, "source": 1}


def test_they_are_sent_within_about_a_second_by_themselves() -> None:
    stats.count(stats.HITS)
    until(lambda: counted() == {"hits": 1}, timeout=5)


def test_a_second_of_counting_is_one_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    trips = []
    pipeline = Role.pipeline
    monkeypatch.setattr(Role, "pipeline", lambda role, commands: trips.append(role) or pipeline(role, commands))
    for metric in range(len(stats.METRICS)):
        stats.count(metric, 3)
    assert len(sent()) == len(stats.METRICS)
    stats.send()
    assert trips == [QUEUE]


def test_counting_waits_out_a_queue_that_is_down(queue_server: Any) -> None:
    queue_server.stop()
    stats.count(stats.HITS, 7)
    with pytest.raises(QueueUnavailable):
        stats.send()
    queue_server.start()  # the breaker lets the sender try again after half a second
    until(lambda: counted().get("hits") == 7, timeout=10)


def test_minutes_are_kept_for_a_day_and_no_longer(redis_queue: redis.Redis) -> None:
    stats.count(stats.HITS)
    stats.send()
    (key,) = redis_queue.scan_iter("{cachedemo}:stats:*")
    assert 24 * 3600 <= redis_queue.ttl(key) <= 25 * 3600


def test_what_is_kept_for_longer_and_by_model_has_an_end_too(people: list[User], redis_queue: redis.Redis) -> None:
    cache_for(User).read(1)
    stats.send()
    [by_model] = redis_queue.scan_iter("{cachedemo}:stats-models:*")
    [by_hours] = redis_queue.scan_iter("{cachedemo}:stats-days:*")
    assert 3600 <= redis_queue.ttl(by_model) <= 2 * 3600
    assert 7 * 86400 <= redis_queue.ttl(by_hours) <= 8 * 86400


def test_a_cache_that_is_not_registered_leaves_no_name_of_its_own(people: list[User], redis_queue: redis.Redis) -> None:
    with Throwaway(2) as throwaway:
        throwaway.cache.read(throwaway.pks[0])
    assert sent()["source"] == 1
    for kept in redis_queue.scan_iter("{cachedemo}:stats*"):
        assert not [field for field in redis_queue.hkeys(kept) if b"throwaway" in field]
    assert not [name for name in stats._names if "throwaway" in name]


def test_a_model_that_is_registered_after_counting_began_is_counted(redis_queue: redis.Redis) -> None:
    stats.count(stats.HITS)
    late = stats.reads_of(f"late-{time.time_ns()}")
    stats.count(late.hits, 2)
    assert sent() == {"hits": 3}


def test_a_minute_of_an_hour_that_is_over_is_found_again() -> None:
    now = 1_795_449_600.0 + 30  # half a minute past a full hour
    answers = [{b"59:hits": b"4", b"3:hits": b"9"}, {b"0:hits": b"2"}]
    minutes = stats.by_minute(answers, 2, now)
    assert [minute.get("hits") for minute in minutes.values()] == [4, 2]
    assert [key.rsplit(":", 1)[0] for _, key in stats.queries(2, now)] == ["{cachedemo}:stats"] * 2


def test_counting_takes_no_trip_and_no_lock(
    people: list[User], redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "send", lambda: None)
    users = cache_for(User)
    users.read(1)
    redis_queue.config_resetstat()
    with stats._lock:
        for _ in range(100):
            users.read(1)
    assert "cmdstat_hincrby" not in redis_queue.info("commandstats")
    assert timeit.timeit(lambda: stats.count(stats.HITS), number=100_000) / 100_000 < 20e-6  # a trip takes longer
