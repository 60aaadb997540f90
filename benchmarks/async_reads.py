"""A thousand concurrent reads of different warm rows from one event loop, against bare GETs one after the other.

The other side is redis-py's own client, as in `reads.py`: what a hit costs anybody who asks for one key at a time. The
loop asks for a thousand keys in one trip, and wakes a thousand tasks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

READERS = 1000
ROWS = range(1, READERS + 1)


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    users, bare = bench.users, bench.bare_cache()
    users.warm(ROWS)
    bare.set("user:1", users.read(1).body)
    rounds = bench.times(300, 30)
    with asyncio.Runner() as runner:
        track = bench.track("a thousand users.aread and users.aget at once", range(rounds))
        aread, aget, one_by_one, get = seconds_a_call(
            track,
            1,
            lambda: runner.run(_all_at_once(users.aread, ROWS)),
            lambda: runner.run(_all_at_once(users.aget, ROWS)),
            lambda: runner.run(_one_by_one(users.aread, ROWS[:100])),
            lambda: [bare.get("user:1") for _ in range(100)],
        )
    get *= 1e6 / 100
    yield Result("1,000 users.aread at once", aread * 1e6 / READERS, "GET", get, "µs", at_most=0.25)
    yield Result("1,000 users.aget at once", aget * 1e6 / READERS, "GET", get, "µs")
    yield Result("users.aread, one by one", one_by_one * 1e6 / 100, "GET", get, "µs")


async def _all_at_once(read: Callable[[Any], Awaitable[Any]], pks: Iterable[int]) -> None:
    await asyncio.gather(*map(read, pks))


async def _one_by_one(read: Callable[[Any], Awaitable[Any]], pks: Iterable[int]) -> None:
    for pk in pks:
        await read(pk)
