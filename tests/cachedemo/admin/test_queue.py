"""The page of the flush queues: what waits, what is in flight, flush now, pause and resume."""

import time
from typing import Any

import pytest
import redis
from django.test import Client

from cachedemo import tasks
from cachedemo.admin.waiting_rows import SHOWN
from cachedemo.operations import pause, workers
from cachedemo.protocol import flushed_by, stats
from cachedemo.protocol.batch_owner import process_name
from cachedemo.servers.key_prefix import ours
from tests.operators import press, text, token, url
from users.models import User


def test_the_queue_shows_what_is_in_flight_with_owner_and_deadline(client: Client, users: Any) -> None:
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name="x")
    users.table.queue.claim(2, 30, 5)
    page = client.get(url("queue"))
    state = next(state for state in page.context["queues"] if state.cache is users)
    assert (state.depth, state.listed, state.in_flight, state.dead) == (3, 1, 2, 0)
    assert [claim.owner for claim in state.claims] == [process_name()] * 2
    assert all(25 < claim.deadline - time.time() <= 30 for claim in state.claims)


def test_the_rows_that_wait_are_listed_with_their_fields_their_age_and_who_has_claimed_them(
    client: Client, users: Any
) -> None:
    users.table.queue.enqueue(1, 0, 1000, {"name": "x"}, None)
    users.table.queue.enqueue(2, 0, 1000, {"name": "x", "email": "two@example.com"}, None)
    users.table.queue.claim(1, 30, 5)
    [state] = [state for state in client.get(url("queue")).context["queues"] if state.cache is users]
    assert [(row.pk, row.fields, bool(row.claimed)) for row in state.rows] == [
        ("1", ["name"], True),
        ("2", ["email", "name"], False),
    ]
    assert all(0 <= row.age < 30 for row in state.rows)
    words = text(client.get(url("queue")))
    assert f"{process_name()} in " in words
    assert "2 email, name" in words
    assert "nobody yet" in words


def test_refused_fields_stand_beside_those_in_line(client: Client, users: Any) -> None:
    users.table.queue.enqueue(1, 0, 1000, {"email": "bob@example.com", "name": "x"}, None)
    [claim], _ = users.table.queue.claim(500, 600, 5)
    users.table.queue.bury(claim, "IntegrityError", ["email"])
    [row] = client.get(url("queue")).context["queues"][0].rows
    assert (row.fields, row.refused) == (["name"], ["email"])


def test_no_more_rows_are_shown_than_a_page_can_hold(client: Client, users: Any) -> None:
    for pk in range(SHOWN + 7):
        users.table.queue.enqueue(pk, 0, 1000, {"name": "x"}, None)
    page = client.get(url("queue"))
    assert len(page.context["queues"][0].rows) == SHOWN
    assert "7 more wait" in text(page)


def test_a_worker_is_shown_with_its_last_flush_and_its_rate(client: Client, users: Any) -> None:
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name="x")
    workers.say()
    assert f"{process_name()} alive none within the hour 0" in text(client.get(url("queue")))
    users.drain(timeout=5)
    stats.send()
    [worker] = client.get(url("queue")).context["workers"]
    assert (worker.name, worker.alive) == (process_name(), True)
    assert time.time() - worker.flushed < 30
    assert 0 < worker.rows_a_second <= 3 / 60


def test_a_worker_that_is_silent_is_gone_and_its_last_flush_is_still_known(
    client: Client, users: Any, redis_queue: redis.Redis
) -> None:
    now = time.time()
    redis_queue.zadd(ours(workers.KEY), {"web-1:1": now - 10})
    redis_queue.zadd(ours(flushed_by.LAST), {"web-1:1": now - 90, "web-1:2": now - 2 * flushed_by.KEPT})
    [worker] = client.get(url("queue")).context["workers"]
    assert (worker.name, worker.alive, round(now - worker.flushed)) == ("web-1:1", False, 90)
    assert "Workers alive 0 nobody flushes" in text(client.get(url("queue")))


@pytest.mark.parametrize(("seconds", "tone"), [(1, "good"), (11, "warn"), (61, "bad")])
def test_the_lag_turns_its_tile(client: Client, users: Any, redis_queue: redis.Redis, seconds: int, tone: str) -> None:
    users.via("write-behind").update(1, name="x")
    redis_queue.zadd("{flush:users}:pending", {"1": (time.time() - seconds) * 1_000_000})
    assert tile(client, "Lag now").tone == tone


def test_the_lag_of_the_last_hour_is_the_mean_and_its_worst_minute(
    client: Client, users: Any, redis_queue: redis.Redis
) -> None:
    minute = int(time.time()) // 60
    for back, lag in ((3, 1000), (2, 65_000)):
        hour, at = divmod(minute - back, 60)
        redis_queue.hset(stats.bucket(hour), mapping={f"{at}:batches": 1, f"{at}:lag_ms": lag})
    shown = tile(client, "Lag, last hour")
    assert (shown.value, shown.tone) == ("33 s", "bad")
    assert "worst minute 65 s" in shown.detail


def test_when_it_will_be_done_is_told_by_the_rate_and_not_where_it_cannot_be(
    client: Client, users: Any, redis_queue: redis.Redis
) -> None:
    assert tile(client, "All of it in").detail == "nothing is in line"
    for pk in (1, 2, 3):
        users.via("write-behind").update(pk, name="x")
    assert tile(client, "All of it in").detail == "not while no worker is alive"
    workers.say()
    assert tile(client, "All of it in").detail == "nothing was flushed in the last two minutes"
    hour, at = divmod(int(time.time()) // 60 - 1, 60)
    redis_queue.hset(stats.bucket(hour), f"{at}:flushed", 120_000)
    workers.say()
    shown = tile(client, "All of it in")
    assert shown.value.endswith(" ms")
    assert "3 in line" in shown.detail
    pause.pause(users, "olga")
    assert tile(client, "All of it in").detail == "not while the queue is paused"


def test_a_queue_that_does_not_answer_has_no_numbers(client: Client, users: Any, queue_server: Any) -> None:
    queue_server.stop()
    words = text(client.get(url("queue")))
    assert "is unknown until the queue answers again" in words
    assert "Rows that wait" not in words


def tile(client: Client, label: str) -> Any:
    [found] = [tile for tile in client.get(url("queue")).context["tiles"] if tile.label == label]
    return found


def test_the_queue_shows_what_is_owed_and_for_how_long(client: Client, users: Any, redis_queue: redis.Redis) -> None:
    redis_queue.zadd("{flush:users}:owed", {"1:cache": (time.time() - 40) * 1_000_000, "2:cache": 1e17})
    assert "Slots owed 2 overdue 40 s" in text(client.get(url("queue")))


def test_the_queue_says_that_it_cannot_be_flushed_and_why(client: Client, users: Any) -> None:
    assert "has stopped" not in text(client.get(url("queue")))
    users.table.queue.stop("ProgrammingError: 42703 undefined_column")
    page = text(client.get(url("queue")))
    assert "Flushing flush:users has stopped: the database refuses to update the table at all." in page
    assert "Since 0 s ago: ProgrammingError: 42703 undefined_column" in page


def test_flush_now_needs_no_worker_and_works_while_paused(client: Client, users: Any) -> None:
    users.via("write-behind").update(1, name="Al")
    pause.pause(users, "olga")
    assert "Taken from the list of flush:users: 1 row." in press(client, url("queue"), "flush-now")
    assert User.objects.get(pk=1).name == "Al"


def test_a_paused_queue_waits_until_it_is_resumed(client: Client, users: Any) -> None:
    users.read(1)
    assert "flush:users is paused" in press(client, url("queue"), "pause")
    users.via("write-behind").update(1, name="Al")
    tasks.flush("flush:users")
    assert User.objects.get(pk=1).name == "Alice Singh"
    assert "flush:users is paused by olga since " in text(client.get(url("queue")))
    assert "paused: flush:users" in text(client.get(url("changelist")))
    assert "flush:users is flushed again" in press(client, url("queue"), "resume")
    tasks.flush("flush:users")
    assert User.objects.get(pk=1).name == "Al"


def test_a_pause_leaves_what_is_owed_to_the_cache_alone(users: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    pause.pause(users, "olga")
    users.table.queue.owe([1])
    tasks.flush("flush:users")
    assert redis_cache.exists("v2:user:1") == 0


def test_somebody_elses_pause_is_not_taken_for_granted(client: Client, users: Any) -> None:
    form = {"token": token(client.get(url("queue")), "pause")}
    pause.pause(users, "otto")
    assert "Nothing was done" in text(client.post(url("pause"), form, follow=True))
    assert "paused by otto" in text(client.get(url("queue")))
