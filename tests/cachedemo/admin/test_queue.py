"""The page of the flush queues: what waits, what is in flight, flush now, pause and resume."""

import time
from typing import Any

import redis
from django.test import Client

from cachedemo import tasks
from cachedemo.operations import pause
from cachedemo.protocol.batch_owner import process_name
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
    assert "paused by olga" in text(client.get(url("queue")))
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
