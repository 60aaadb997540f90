"""Whatever ends a run on throwaway rows, and whatever is down then: no row, key or file of it stays."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from cachedemo import cache_for
from config.beat import SCHEDULE
from config.celery import app
from playground import comparison, keep, throwaway, throwaway_runs
from playground.throwaway import Throwaway
from tests.helpers import past_cachedemo, until
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


def left(*servers: redis.Redis) -> list[Any]:
    """Return what is left of runs: rows, keys of rows below zero or with a token, and files."""
    rows = list(past_cachedemo(User).filter(pk__lt=0).values_list("pk", flat=True))
    keys = [key for server in servers for pattern in ("*throwaway*", "*user:-*") for key in server.scan_iter(pattern)]
    return rows + keys + [path.name for path in keep.place_of(throwaway_runs.KIND).glob("*")]


def test_what_a_killed_measurement_has_left_is_taken_away(
    run_python: Callable[..., Any], redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    process = run_python("manage.py", "cache_bench", "--quick", "--events")
    process.says("Zipf reads", timeout=30)
    throwaway.sweep()
    assert past_cachedemo(User).filter(pk__lt=0).count() == 60, "it is still at work"
    process.kill()
    process.wait(10)
    assert left(redis_cache, redis_queue)
    throwaway.sweep_this_machine()
    assert left(redis_cache, redis_queue) == []


def test_what_a_killed_comparison_has_left_is_taken_away(
    run_code: Callable[..., Any], redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    process = run_code(
        "import time\n"
        "from playground import comparison\n"
        "comparison._until_written = lambda *_: (print('it waits', flush=True), time.sleep(60))\n"
        "comparison.compare()"
    )
    process.says("it waits", timeout=30)
    process.kill()
    process.wait(10)
    assert left(redis_cache, redis_queue)
    throwaway.sweep_this_machine()
    cache_for(User).flush()  # drops what waits for a row that is gone
    assert left(redis_cache, redis_queue) == []


@pytest.mark.parametrize("role", ["cache", "queue"])
def test_what_could_not_be_reached_is_come_back_to(
    request: pytest.FixtureRequest, role: str, redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    server = request.getfixturevalue(f"{role}_server")
    with Throwaway(3) as own:
        own.cache.via("write-behind").update(own.pks[0], name="waits")
        server.kill()
    assert past_cachedemo(User).count() == 3
    assert throwaway_runs.over() == [own.run.token]
    server.start()
    until(lambda: throwaway.sweep_this_machine() or left(redis_cache, redis_queue) == [])


def test_a_comparison_during_which_the_queue_goes_away_leaves_nothing(
    queue_server: Any, redis_cache: redis.Redis, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_until_written", lambda *_: queue_server.kill())
    with pytest.raises(throwaway.NO_ANSWER):
        comparison.compare()
    queue_server.start()
    until(lambda: throwaway.sweep_this_machine() or throwaway_runs.over() == [])
    cache_for(User).flush()
    assert left(redis_cache, redis_queue) == []


def test_a_run_that_begins_without_a_queue_leaves_nothing(queue_server: Any, redis_cache: redis.Redis) -> None:
    queue_server.kill()
    with pytest.raises(throwaway.NO_ANSWER), Throwaway(3):
        pass
    assert past_cachedemo(User).count() == 3
    queue_server.start()
    until(lambda: throwaway.sweep_this_machine() or left(redis_cache) == [])


def test_what_another_machine_has_left_is_taken_away_once_no_run_takes_as_long(
    monkeypatch: pytest.MonkeyPatch, redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    elsewhere = Throwaway(2).__enter__()
    elsewhere.cache.via("write-behind").update(elsewhere.pks[0], name="waits")
    elsewhere.run.end(nothing_is_left=True)  # there is no file of it here
    throwaway.sweep()
    assert past_cachedemo(User).filter(pk__lt=0).count() == 2
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + throwaway_runs.STALE + 1)
    throwaway.sweep()
    assert not past_cachedemo(User).filter(pk__lt=0)
    assert not list(redis_queue.scan_iter("*throwaway*"))


def test_beat_asks_for_it() -> None:
    assert SCHEDULE["sweep"]["task"] in app.tasks
