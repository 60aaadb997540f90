"""What an event loop reads by itself, wherever the cache is."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

import cachedemo
from cachedemo.protocol import async_reads
from cachedemo.servers import loop_reads, roles
from cachedemo.servers.roles import CACHE
from tests.clusters import half_moved
from tests.helpers import past_cachedemo, until
from tests.sentinels import Guarded, guarded
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


def run(call: Callable[[], Awaitable[Any]]) -> Any:
    """Run it in an event loop, with Django's thread being this one."""

    async def main() -> Any:
        return await call()

    return async_to_sync(main)()


async def together(*calls: Awaitable[Any]) -> list[Any]:
    return list(await asyncio.gather(*calls))


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What has gone to Django's thread."""
    gone: list[Any] = []

    def noted(call: Any, **options: Any) -> Any:
        gone.append(call)
        return sync_to_async(call, **options)

    monkeypatch.setattr(async_reads, "sync_to_async", noted)
    return gone


@pytest.fixture
def many(transactional_db: None) -> range:
    User.objects.filter(pk__lte=30).delete()  # the three that the migrations make
    past_cachedemo(User).bulk_create([User(pk=pk, name=f"P{pk}", email=f"p{pk}@x.org") for pk in range(1, 31)])
    return range(1, 31)


def test_hits_from_a_cluster_need_no_thread(users: Any, many: range, cluster: Any, threads: list[Any]) -> None:
    users.warm(many)
    entries = run(lambda: together(*map(users.aread, many)))
    assert [entry.origin for entry in entries] == ["cache"] * len(many)
    assert [b'"name": "P%d"' % pk in entry.body for pk, entry in zip(many, entries, strict=True)] == [True] * len(many)
    assert {pk: one.name for pk, one in run(lambda: users.aget_many(many)).items()} == {pk: f"P{pk}" for pk in many}
    assert not threads


def test_hits_of_one_turn_are_one_trip_to_each_server(users: Any, many: range, cluster: Any) -> None:
    users.warm(many)
    run(lambda: together(*map(users.aread, many)))
    with cachedemo.trace() as steps:
        run(lambda: together(*map(users.aread, many)))
    assert {step.command.partition(" ")[0] for step in steps} == {"GET"}
    assert len(steps) == len(many)
    assert len({step.trip for step in steps}) == cluster.primaries


def test_a_row_whose_hash_slot_has_moved_is_read_by_a_thread(
    users: Any, many: range, cluster: Any, threads: list[Any]
) -> None:
    users.warm(many)
    run(lambda: users.aread(1))
    key = users.table.slots.key(1)
    with half_moved(cluster, key, key):
        assert run(lambda: users.aread(1)).body == users.read(1).body
        assert threads


def test_a_server_that_is_down_costs_its_own_rows_a_thread(
    users: Any, many: range, cluster: Any, threads: list[Any]
) -> None:
    users.warm(many)
    run(lambda: users.aread(1))
    cluster.kill_primary_of(users.table.slots.key(1))
    assert run(lambda: users.aget(1)).name == "P1"
    assert threads


@pytest.fixture
def sentinels(settings: Any, tmp_path: Path, users: Any, many: range) -> Iterator[Guarded]:
    with guarded(tmp_path) as cache:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": cache.url()}
        roles.reset()
        users.warm(many)
        yield cache
    roles.reset()


def test_hits_behind_sentinels_need_no_thread(users: Any, many: range, sentinels: Guarded, threads: list[Any]) -> None:
    entries = run(lambda: together(*map(users.aread, many)))
    assert [entry.origin for entry in entries] == ["cache"] * len(many)
    assert not threads


def test_after_a_failover_a_loop_reads_from_the_new_primary(
    users: Any, many: range, sentinels: Guarded, threads: list[Any]
) -> None:
    async def main() -> None:
        await users.aread(1)
        primary = sentinels.primary()
        primary.kill()
        await users.aupdate(1, name="new")
        while sentinels.primary() is primary:
            await asyncio.sleep(0.1)
        assert (await users.aget(1)).name == "new"
        while (await users.aread(1)).origin != "cache":
            await asyncio.sleep(0.1)
        before = len(threads)
        while (await users.aget(1)).name == "new" and len(threads) > before:
            before = len(threads)
            await asyncio.sleep(0.1)
        assert (await users.aget(1)).name == "new"

    run(main)


def test_a_primary_that_nobody_confirms_is_left_to_the_threads(
    users: Any, many: range, sentinels: Guarded, threads: list[Any]
) -> None:
    run(lambda: users.aread(1))
    stopped = [int(sentinel.info("server")["process_id"]) for sentinel in sentinels.sentinels[:2]]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        until(lambda: CACHE.leads_to() is None, timeout=20)
        assert run(lambda: users.aread(1)).origin != "cache"
        assert threads
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)


def test_a_trace_shows_the_trip_that_a_loop_makes_once(users: Any, many: range, redis_cache: Any) -> None:
    users.warm(many)
    with cachedemo.trace() as steps:
        run(lambda: together(users.aread(1), users.aget(2)))
    assert [(step.server, step.command) for step in steps] == [("cache", "MGET v2:user:1 v2:user:2")]
    assert str(steps[0].stack[0]).startswith("cachedemo/protocol/async_reads.py")
    with cachedemo.trace() as steps:
        run(lambda: users.aget_many(many))
    assert [step.command.partition(" ")[0] for step in steps] == ["MGET"]


def test_a_trace_sees_nothing_of_what_others_read(users: Any, many: range, redis_cache: Any) -> None:
    users.warm(many)

    async def traced() -> list[str]:
        with cachedemo.trace() as steps:
            await users.aread(1)
        return [step.command for step in steps]

    both, _ = run(lambda: together(traced(), users.aread(2)))
    assert both == ["MGET v2:user:1 v2:user:2"], "one trip, which both share"
    assert run(traced) == ["MGET v2:user:1"]


def test_a_forked_process_has_no_loop_of_its_parent(users: Any, many: range) -> None:
    users.warm(many)
    run(lambda: users.aread(1))
    assert loop_reads._last is not None
    if not (child := os.fork()):
        os._exit(0 if loop_reads._last is None and not loop_reads._loops else 1)
    assert os.waitpid(child, 0)[1] == 0
