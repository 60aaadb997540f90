"""Reads of copies (`near`) in 1, 8 and 40 processes at once, and what it costs the cache's server that they listen.

Each process reads one row through its copy, and beside it with a bare GET, in turns; the median of the processes
counts. Then one more process sends SETs, of a key that all of them hear of and of one that nobody does: what is
compared is the processor time of the server, as it tells it.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call
from cachedemo.embedded.server import end_with_parent

NEAR = 1.0  # seconds
CALLS = 20  # of each side in one round
SETS = 2000
PATIENCE = 120  # seconds for all processes to be there

_all_there: Any = None  # in a process of readers: the barrier before which it waits for the others


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    bench.users.read(1)
    for processes in bench.track("reads of copies", [1, 4] if bench.quick else [1, 8, 40]):
        yield from _with(bench, processes)


def _with(bench: Bench, processes: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    start = (context.Barrier(processes), os.getpid())
    where = f"{processes} process{'es' * (processes > 1)}"
    with ProcessPoolExecutor(processes, context, _be_ready, start) as pool:
        rounds = [bench.times(400, 100)] * processes
        read, get, bare = (median(each) * 1e6 for each in zip(*pool.map(_read, rounds), strict=True))
        yield Result(f"near, users.read(1), {where}", read, "GET", bare, "µs", at_most=1 / 20)
        yield Result(f"near, users.get(1), {where}", get, "GET", bare, "µs", at_most=1 / 10)
        heard, unheard = (_server_time(bench, key) for key in ("v2:user:5000", "other:5000"))
        yield Result(f"a SET that is heard by {where}, of the server", heard, "that nobody hears", unheard, "µs")


def _server_time(bench: Bench, key: str) -> float:
    """Return the microseconds of the server's processor that a SET takes."""
    client = bench.bare_cache()
    before = _cpu(client)
    for _ in range(SETS):
        client.set(key, "x" * 100, px=60_000)
    time.sleep(0.1)  # what is still to be said
    return (_cpu(client) - before) / SETS * 1e6


def _cpu(client: Any) -> float:
    told = client.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def _be_ready(all_there: Any, parent: int) -> None:
    global _all_there
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, and we are done in a moment
    import django

    django.setup()
    _all_there = all_there


def _read(rounds: int) -> list[float]:
    """Return the seconds of a read, a get and a bare GET, in the best round of each."""
    users = _near_users()
    _all_there.wait(PATIENCE)
    bare = _bare_cache()
    return seconds_a_call(
        range(rounds), CALLS, lambda: users.read(1), lambda: users.get(1), lambda: bare.get("v2:user:1")
    )


def _near_users() -> Any:
    """Register the example's users with copies, in this process alone, and wait until there is one."""
    import cachedemo
    from cachedemo import cache_for, registry
    from users.caches import UserCache
    from users.models import User

    registry._declared.pop(User)
    cachedemo.register(User)(type("NearUserCache", (UserCache,), {"near": NEAR}))
    users = cache_for(User)
    while users.read(1).origin != "near":
        time.sleep(0.01)
    return users


def _bare_cache() -> Any:
    from cachedemo import conf
    from cachedemo.servers.client import connect

    return connect(conf.get("CACHE_URL"))
