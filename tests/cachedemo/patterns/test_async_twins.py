"""Reads and writes from an event loop."""

import asyncio
import gc
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from redis import asyncio as redis_asyncio

from cachedemo.protocol import async_reads, reads
from cachedemo.servers import loop_reads
from cachedemo.servers.roles import CACHE
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def run(call: Callable[[], Awaitable[Any]]) -> Any:
    """Run it in an event loop, with Django's thread being this one."""

    async def main() -> Any:
        return await call()

    return async_to_sync(main)()


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("it went to a thread")

    monkeypatch.setattr(async_reads, "sync_to_async", lambda *args, **kwargs: refuse)


def commands(redis_cache: redis.Redis) -> dict[str, int]:
    """Return how often the cache was sent each command, ever."""
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in redis_cache.info("commandstats").items()}


def sent(redis_cache: redis.Redis, call: Callable[[], Any]) -> dict[str, int]:
    before = commands(redis_cache)
    call()
    after = commands(redis_cache)
    return {name: n - before.get(name, 0) for name, n in after.items() if n > before.get(name, 0) and name != "info"}


def test_a_hit_needs_no_thread(users: Any, people: Any, no_thread: None) -> None:
    users.read_many([1, 2])
    one, entry, many = run(lambda: _gather(users.aget(1), users.aread(2), users.aget_many([1, 2])))
    assert (one.pk, one.name) == (1, users.get(1).name)
    assert entry == users.read(2)
    assert list(many) == [1, 2]
    assert many[1] == one


async def _gather(*calls: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*calls))


def test_all_hits_of_one_turn_share_a_trip(users: Any, redis_cache: redis.Redis) -> None:
    past_cachedemo(User).bulk_create([User(pk=pk, name=f"P{pk}", email=f"p{pk}@x.org") for pk in range(1, 101)])
    users.warm(range(1, 101))

    async def read() -> None:
        entries = await asyncio.gather(*(users.aread(pk) for pk in range(1, 101)))
        assert [b'"name": "P%d"' % pk in entry.body for pk, entry in enumerate(entries, 1)] == [True] * 100

    trips = sent(redis_cache, lambda: run(read))
    assert trips["mget"] == 1
    assert "get" not in trips


def test_what_is_cold_is_loaded_once(users: Any, people: Any) -> None:
    users.announce()

    async def read() -> list[Any]:
        return await asyncio.gather(*(users.aget(1) for _ in range(1000)))

    with CaptureQueriesContext(connection) as asked:
        found = run(read)
    assert len(found) == 1000
    assert {each.name for each in found} == {people[0].name}
    assert len([query for query in asked.captured_queries if "SELECT" in query["sql"]]) == 1


def test_of_the_readers_of_a_cold_row_one_goes_to_a_thread(
    users: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.announce()
    gone: list[Any] = []

    async def in_a_thread_of_its_own(call: Any, *args: Any) -> Any:
        """As for each request under ASGI."""
        gone.append(call)
        return await asyncio.to_thread(_and_close, call, *args)

    monkeypatch.setattr(async_reads, "in_djangos_thread", in_a_thread_of_its_own)
    found = asyncio.run(_gather(*(users.aget(1) for _ in range(50))))
    assert {each.name for each in found} == {people[0].name}
    assert len(gone) == 1


def _and_close(call: Any, *args: Any) -> Any:
    try:
        return call(*args)
    finally:
        connections.close_all()


def test_a_reader_does_not_take_what_another_has_loaded_before_a_write(
    users: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.announce()
    loaded, go_on = asyncio.Event(), threading.Event()
    plain, calls = reads.find, []

    def slow(*args: Any) -> Any:
        calls.append(args)
        entry = plain(*args)
        if len(calls) == 1:
            loop.call_soon_threadsafe(loaded.set)
            go_on.wait(10)
        return entry

    async def in_a_thread_of_its_own(call: Any, *args: Any, **options: Any) -> Any:
        return await asyncio.to_thread(_and_close, call, *args, **options)

    async def main() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(users.aget(1))
        await loaded.wait()
        await asyncio.to_thread(_and_close, lambda: users.via("cache-aside").update(1, name="new"))
        later = asyncio.create_task(users.aget(1))  # begun after the write was acknowledged, while the first loads
        while not any(each.loading for each in loop_reads._loops.values()):
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        go_on.set()
        assert (await first).name == people[0].name
        assert (await later).name == "new"

    loop: Any = None
    monkeypatch.setattr(reads, "find", slow)
    monkeypatch.setattr(async_reads, "in_djangos_thread", in_a_thread_of_its_own)
    asyncio.run(main())


def test_what_there_is_not_is_told_as_by_get(users: Any, people: Any) -> None:
    users.announce()
    for _ in range(2):  # the second time from the cache
        with pytest.raises(User.DoesNotExist):
            run(lambda: users.aget(999))
        with pytest.raises(User.DoesNotExist):
            run(lambda: users.aread(999))
    assert run(lambda: users.aget_many([1, 999])) == {1: users.get(1)}
    with pytest.raises(User.DoesNotExist):
        run(lambda: users.aget(2**70))


def test_writes_are_those_of_the_pattern(users: Any, people: Any) -> None:
    async def write() -> None:
        assert (await users.aupdate(1, name="Ann")).name == "Ann"
        assert (await users.via("write-behind").aupdate(1, name="Bea")).name == "Bea"
        assert (await users.aget(1)).name == "Bea"
        made = await users.via("write-through").acreate(name="Cid", email="cid@x.org")
        assert (await users.aget(made.pk)).name == "Cid"
        await users.adelete(made.pk)
        with pytest.raises(User.DoesNotExist):
            await users.aget(made.pk)
        assert await users.awarm([1, 2]) == 2
        await users.aevict([1])

    run(write)
    assert users.table.queue.depth() == 1


def test_without_the_cache_the_database_answers(users: Any, people: Any, settings: Any) -> None:
    users.read(1)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://127.0.0.1:1/0"}
    CACHE.reset()
    assert run(lambda: users.aget(1)).name == people[0].name
    assert list(run(lambda: users.aget_many([1, 2]))) == [1, 2]


def test_a_slot_that_is_not_ours_is_loaded_again(users: Any, people: Any, redis_cache: redis.Redis) -> None:
    users.read(1)
    for foreign in (b"x", b'V0000000000000001{"a": 1}'):
        redis_cache.set("v2:user:1", foreign)
        assert run(lambda: users.aget(1)).name == people[0].name
        redis_cache.set("v2:user:1", foreign)
        assert run(lambda: users.aget_many([1]))[1].name == people[0].name
    redis_cache.delete("v2:user:1")
    redis_cache.hset("v2:user:1", "a", "b")
    assert run(lambda: users.aget(1)).name == people[0].name


def test_a_read_sees_what_its_transaction_has_written(notes: Any) -> None:
    Note.objects.filter(pk=1).update(title="old")
    note = notes.get(1)

    def write_and_read() -> str:
        with transaction.atomic():
            Note.objects.filter(pk=note.pk).update(title="new")
            return str(async_to_sync(notes.aget)(note.pk).title)

    async def main() -> str:
        return await sync_to_async(write_and_read)()

    assert write_and_read() == "new"
    Note.objects.filter(pk=note.pk).update(title="old")
    notes.get(note.pk)
    assert run(main) == "new"


def test_a_write_that_was_rolled_back_sends_no_reader_to_a_thread(notes: Any, no_thread: None) -> None:
    """Whoever still has the instance that was saved: it asks whether that was committed, when it is saved again."""
    note = notes.get(1)
    with transaction.atomic():
        note.title = "undone"
        note.save()
        transaction.set_rollback(True)
    title = notes.get(1).title
    assert run(lambda: notes.aget(1)).title == title != note.title
    assert run(lambda: notes.aread_many([1]))[1].body == notes.read(1).body


def test_a_reader_that_is_cancelled_takes_nobody_along(users: Any, people: Any) -> None:
    users.read_many([1, 2])

    async def main() -> str:
        first = asyncio.create_task(users.aget(1))
        second = asyncio.create_task(users.aget(2))
        await asyncio.sleep(0)  # both wait for the trip of this turn
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return str((await second).name)

    assert run(main) == people[1].name


def test_a_cold_read_that_is_cancelled_leaves_no_lease(users: Any, people: Any, redis_cache: redis.Redis) -> None:
    users.announce()
    begun, go_on = threading.Event(), threading.Event()
    plain = reads.find

    def slow(*args: Any) -> Any:
        begun.set()
        go_on.wait(5)
        return plain(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reads, "find", slow)

        async def main() -> None:
            reader = asyncio.create_task(users.aread(1))
            while not begun.is_set():
                await asyncio.sleep(0.001)
            reader.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await reader
            await sync_to_async(connections.close_all)()  # the thread of this loop has one of its own

        asyncio.run(main())
    slot = redis_cache.get("v2:user:1")
    assert slot is None or slot[:1] == b"V"


def test_a_write_that_is_cancelled_leaves_no_mark(
    users: Any, people: Any, redis_cache: redis.Redis, settings: Any
) -> None:
    users.read(1)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "SOURCE_LATENCY_MS": 200}

    def is_marked() -> bool:
        return str(redis_cache.get("v2:user:1"))[2:3] == "T"

    async def main() -> None:
        writer = asyncio.create_task(users.via("write-through").aupdate(1, name="Ann"))
        while not is_marked():
            await asyncio.sleep(0.005)
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer
        await sync_to_async(connections.close_all)()  # after the write, in its thread

    asyncio.run(main())
    assert not is_marked()
    assert users.get(1).name == User.objects.get(pk=1).name


def test_reads_that_are_cancelled_on_their_way_leave_no_connection(
    users: Any, people: Any, redis_cache: redis.Redis
) -> None:
    users.read_many([1, 2])

    def open_here() -> int:
        pool = CACHE.client().connection_pool  # a thread is asked where a trip fails, and keeps its connection
        of_threads = [*pool._available_connections, *pool._in_use_connections]
        return len(redis_cache.client_list()) - len(of_threads)

    async def main() -> None:
        await users.aread(1)
        before = open_here()
        for turns in [
            1,
            2,
            3,
            4,
            5,
        ] * 4:  # cancelled before the trip begins, while it is under way, when its answer is there
            readers = [asyncio.create_task(users.aread(1)) for _ in range(100)]
            many = asyncio.create_task(users.aread_many([1, 2]))
            for _ in range(turns):
                await asyncio.sleep(0)
            for each in (*readers, many):
                each.cancel()
            await asyncio.gather(*readers, many, return_exceptions=True)
            assert (await users.aread(2)).origin == "cache"
        while open_here() > before + 6:  # some trips at a time; a closed one goes in a moment
            await asyncio.sleep(0.02)

    run(main)


def _own_address(each: object) -> tuple[str, int]:
    """Return our end of a connection of redis-py's asyncio that is open; no port for anything else."""
    if not (isinstance(each, redis_asyncio.Connection) and each.is_connected):
        return "", 0
    host, port = each._writer.get_extra_info("sockname")  # type: ignore[union-attr]
    return host, port


def test_a_loop_closes_its_connections(users: Any, people: Any, redis_cache: redis.Redis) -> None:
    async def read() -> set[str]:
        await _gather(users.aget(1), users.aread(1))
        return {f"{host}:{port}" for host, port in map(_own_address, gc.get_objects()) if port}

    users.read(1)
    opened = set[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for _ in range(3):
            opened |= asyncio.run(read())
            gc.collect()
    assert len(opened) >= 3
    # A server notices in its own time.
    assert until(lambda: opened.isdisjoint(client["addr"] for client in redis_cache.client_list()))


def test_a_loop_that_has_ended_is_forgotten(users: Any, people: Any) -> None:
    """With async views under WSGI each request has one."""
    loops = list[weakref.ref[asyncio.AbstractEventLoop]]()

    async def read() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await users.aget(1)

    users.read(1)
    for _ in range(3):
        asyncio.run(read())
        async_to_sync(read)()
    gc.collect()
    assert not [each for each in loops if each() is not None]


def test_settings_that_change_take_effect_in_a_running_loop(
    users: Any, people: Any, redis_cache: redis.Redis, settings: Any
) -> None:
    users.read(1)
    plain = settings.CACHEDEMO

    async def main() -> None:
        assert (await users.aget(1)).pk == 1
        settings.CACHEDEMO = {**plain, "CACHE_URL": "redis://127.0.0.1:1/0"}
        CACHE.reset()
        assert (await users.aget(1)).pk == 1
        settings.CACHEDEMO = {**plain, "ENABLED": False}
        for _ in range(2):  # the first read announces the version, though to nobody
            assert (await users.aget(1)).pk == 1
            assert list(await users.aget_many([1, 2])) == [1, 2]
        settings.CACHEDEMO = plain
        CACHE.reset()
        assert (await users.aget(1)).pk == 1

    run(main)


def test_what_is_the_same_for_all_readers_of_a_turn_is_looked_at_again_in_the_next(
    users: Any, people: Any, settings: Any
) -> None:
    users.read(1)

    async def main() -> None:
        assert (await users.aget(1)).name == people[0].name
        await sync_to_async(past_cachedemo(User).filter(pk=1).update)(name="new")
        settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False}
        assert (await users.aget(1)).name == "new"

    run(main)


def test_each_hit_of_a_turn_is_counted(users: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    users.read_many([1, 2])
    hits, timed = [], []
    monkeypatch.setattr(async_reads.stats, "count", lambda metric, number=1: hits.append(number))
    monkeypatch.setattr(async_reads.HIT_LATENCY, "took", lambda seconds, number=1: timed.append(number))
    run(lambda: _gather(users.aread(1), users.aread(2), users.aget(1)))
    assert (hits, timed) == ([3], [3])


def test_a_test_of_a_project_asks_where_its_transaction_is(
    settings: Any, people: Any, users: Any, no_thread: None
) -> None:
    users.read(1)
    run(lambda: users.aget(1))
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TEST_ISOLATION": True}
    with pytest.raises(AssertionError, match="went to a thread"):
        run(lambda: users.aget(1))
