"""A thousand concurrent reads of different warm rows from one event loop, against bare GETs one after the other.

The other sides are redis-py's own clients with the settings of cachedemo's: the one for event loops, which code that
awaits would ask otherwise, and the one for threads, as in `reads.py`, which takes less. The loop asks for a thousand
keys in one trip, and wakes a thousand tasks: what asyncio takes for a thousand tasks that wait for a future each, and
nothing else, is a line of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call
from cachedemo.servers.client import connect_in_a_loop

READERS = 1000
ROWS = range(1, READERS + 1)


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    users, bare = bench.users, bench.bare_cache()
    users.warm(ROWS)
    bare.set("user:1", users.read(1).body)
    rounds = bench.times(300, 30)
    with asyncio.Runner() as runner:
        bare_loop = connect_in_a_loop(bench.cache.url(0), _greet)
        track = bench.track("a thousand users.aread and users.aget at once", range(rounds))
        aread, aget, bare_tasks, one_by_one, bare_await, get = seconds_a_call(
            track,
            1,
            lambda: runner.run(_all_at_once(users.aread, ROWS)),
            lambda: runner.run(_all_at_once(users.aget, ROWS)),
            lambda: runner.run(_tasks()),
            lambda: runner.run(_one_by_one(users.aread, ROWS[:100])),
            lambda: runner.run(_one_by_one(bare_loop.get, ["user:1"] * 100)),
            lambda: [bare.get("user:1") for _ in range(100)],
        )
        runner.run(bare_loop.aclose())
    get, bare_await = get * 1e6 / 100, bare_await * 1e6 / 100
    aread, aget, bare_tasks = (seconds * 1e6 / READERS for seconds in (aread, aget, bare_tasks))
    yield Result("1,000 users.aread at once", aread, "await GET", bare_await, "µs", at_most=0.25)
    yield Result("1,000 users.aread at once", aread, "GET", get, "µs", at_most=0.25)
    yield Result("1,000 users.aget at once", aget, "GET", get, "µs")
    yield Result("1,000 tasks that wait for a future", bare_tasks, "GET", get, "µs")
    yield Result("users.aread, one by one", one_by_one * 1e6 / 100, "await GET", bare_await, "µs")


async def _greet(connection: Any) -> None:
    await connection.on_connect()


async def _all_at_once(read: Callable[[Any], Awaitable[Any]], pks: Iterable[int]) -> None:
    await asyncio.gather(*map(read, pks))


async def _one_by_one(read: Callable[[Any], Awaitable[Any]], pks: Iterable[int]) -> None:
    for pk in pks:
        await read(pk)


async def _tasks() -> None:
    """Wake a thousand tasks, as `_all_at_once` does, with nothing to ask for."""
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(READERS)]

    async def wait(future: asyncio.Future[None]) -> None:
        await future

    waiting = asyncio.gather(*map(wait, futures))
    await asyncio.sleep(0)
    for future in futures:
        future.set_result(None)
    await waiting
