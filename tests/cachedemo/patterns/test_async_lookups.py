"""Lookups from an event loop: a hit asks the cache from the loop; whatever else there is goes to Django's thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.exceptions import FieldError, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cachedemo.protocol import async_reads, leases
from cachedemo.servers.roles import CACHE
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("people")]

ALICE, BOB = "alice@example.com", "bob@example.com"


def run(call: Callable[[], Awaitable[Any]]) -> Any:
    """Run it in an event loop, with Django's thread being this one."""

    async def main() -> Any:
        return await call()

    return async_to_sync(main)()


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    async def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("it went to a thread")

    return lambda: monkeypatch.setattr(async_reads, "sync_to_async", lambda *args, **kwargs: refuse)


def test_a_hit_needs_no_thread_and_two_trips(users: Any, no_thread: Any, redis_cache: redis.Redis) -> None:
    users.get_many_by("email", [ALICE, BOB])
    no_thread()

    async def read() -> None:
        found = await asyncio.gather(users.aget_by(email=ALICE), users.aread_by(email=BOB), users.aget_by(email=ALICE))
        assert [found[0].pk, found[1].origin, found[2].name] == [1, "cache", "Alice Singh"]

    assert trips(redis_cache, lambda: run(read)) == 2  # however many there are in one turn

    async def read_many() -> None:
        found = await users.aget_many_by("email", [ALICE, BOB, ALICE])
        assert {value: user.pk for value, user in found.items()} == {ALICE: 1, BOB: 2}

    assert trips(redis_cache, lambda: run(read_many)) == 2


def trips(redis_cache: redis.Redis, call: Callable[[], Any]) -> int:
    """Return how many reads the cache was sent meanwhile."""

    def reads() -> int:
        said = redis_cache.info("commandstats")
        return sum(said.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("get", "mget"))

    before = reads()
    call()
    return reads() - before


def test_what_is_cold_or_nobodys_is_told_as_by_get_by(users: Any) -> None:
    assert run(lambda: users.aget_by(email=ALICE)).pk == 1
    assert run(lambda: users.aget_many_by("email", [ALICE, BOB, "nobody@example.com"])).keys() == {ALICE, BOB}
    assert run(lambda: users.aget_many_by("email", [])) == {}
    for value in ("nobody@example.com", "a\x00b", "x" * 300):
        with pytest.raises(User.DoesNotExist):
            run(lambda value=value: users.aget_by(email=value))
    with pytest.raises(ValidationError):
        run(lambda: users.aget_by(email=None))
    for named in ({}, {"name": "Bob"}, {"email": BOB, "name": "Bob"}):
        with pytest.raises(FieldError):
            run(lambda named=named: users.aget_by(**named))
    with pytest.raises(FieldError):
        run(lambda: users.aget_many_by("name", ["Bob"]))


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_value_that_changes_hands_is_found_where_it_is(users: Any, pattern: str) -> None:
    users.get_many_by("email", [ALICE, BOB])

    async def swap() -> list[int]:
        writer = users.via(pattern)
        await writer.aupdate(1, email="third@example.com")
        with pytest.raises(User.DoesNotExist):
            await users.aget_by(email=ALICE)
        await writer.aupdate(2, email=ALICE)
        many = await users.aget_many_by("email", [ALICE, BOB])
        return [(await users.aget_by(email=ALICE)).pk, many[ALICE].pk, len(many)]

    assert run(swap) == [2, 2, 1]


def test_many_readers_of_one_cold_value_ask_the_database_once(users: Any) -> None:
    users.announce()

    async def read() -> list[Any]:
        return await asyncio.gather(*(users.aget_by(email=ALICE) for _ in range(200)))

    with CaptureQueriesContext(connection) as asked:
        assert {user.pk for user in run(read)} == {1}
    selects = [query for query in asked.captured_queries if query["sql"].startswith("SELECT")]
    assert len(selects) == 2  # which row has it, and the row


def test_a_hint_or_a_slot_that_is_not_ours_is_a_miss(users: Any, redis_cache: redis.Redis) -> None:
    users.get_by(email=ALICE)
    for key, odd in ((f"v2:user/email:{ALICE}", b"odd"), (f"v2:user/email:{ALICE}", b"Kodd"), ("v2:user:1", b"odd")):
        redis_cache.set(key, odd, ex=60)
        assert run(lambda: users.aget_by(email=ALICE)).pk == 1
        assert run(lambda: users.aget_many_by("email", [ALICE]))[ALICE].pk == 1


def test_without_the_cache_the_database_answers(users: Any, settings: Any) -> None:
    users.get_by(email=ALICE)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://127.0.0.1:1/0"}
    CACHE.reset()
    assert run(lambda: users.aget_by(email=ALICE)).pk == 1
    assert run(lambda: users.aget_many_by("email", [ALICE])).keys() == {ALICE}


def test_a_lookup_that_is_cancelled_leaves_no_lease(
    users: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.announce()
    started = asyncio.Event()

    async def cancelled() -> None:
        loop, load = asyncio.get_running_loop(), leases.loading.load

        def slow(table: Any, pk: Any) -> Any:
            loop.call_soon_threadsafe(started.set)
            return load(table, pk)

        monkeypatch.setattr(leases.loading, "load", slow)
        reader = asyncio.create_task(users.aget_by(email=ALICE))
        await started.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert (await users.aget_by(email=ALICE)).pk == 1  # behind it, in Django's thread

    asyncio.run(cancelled())
    assert redis_cache.get("v2:user:1")[:1] == b"V"
    assert redis_cache.get(f"v2:user/email:{ALICE}") == b"K1"
