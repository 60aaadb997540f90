"""A million keys of an old version are deleted while warm reads go on: their p99 against the idle one.

The reads are of the current version, one after the other, in this process; the deletion runs in another, as a worker's
would. The two compete for the server, which does one thing at a time, and for the machine's processors. The deletion is
stopped and let go on in turns, so that both sides see the same machine. It always works on as many keys at a time, so
after a minute of turns it need not come to its end.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result

KEYS, KEYS_QUICK = 1_000_000, 100_000
FILLED = 10_000  # keys in one go
FILL = "for pk = ARGV[1], ARGV[2] do redis.call('SET', KEYS[1] .. pk, ARGV[3], 'EX', 3600) end"
TURN = 0.5  # seconds of either side
LONGEST = 60  # seconds of all turns
SLOT = b'V0000000000000001{"id": 1, "name": "Alice Singh", "email": "alice@example.com", "visits": 0}'
ROOT = Path(__file__).resolve().parent.parent


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    cache, keys = bench.bare_cache(), bench.times(KEYS, KEYS_QUICK)
    cache.config_set("maxmemory", "0")
    _fill(bench, cache, keys)
    deletion = subprocess.Popen(
        [sys.executable, "manage.py", "cache_delete_version", "user", "1"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    _until_it_begins(cache, keys)
    idle, busy, took = _in_turns(deletion, lambda: bench.users.read(1))
    left = max(cache.dbsize() - 1, 0)  # but the row that is read
    assert left < keys, "the deletion has deleted nothing"
    what = f"users.read(1), p99, while {keys:,} keys are deleted"
    yield Result(what, _p99(busy) * 1e6, "p99 idle", _p99(idle) * 1e6, "µs", at_most=2)
    deleted = (keys - left) / took
    yield Result("keys deleted a second, beside the reads", deleted, "reads a second", len(busy) / took, "1/s")


def _fill(bench: Bench, cache: Any, keys: int) -> None:
    for first in bench.track(f"{keys:,} keys of an old version", range(0, keys, FILLED)):
        cache.eval(FILL, 1, "v1:user:", first, first + FILLED - 1, SLOT)


def _until_it_begins(cache: Any, keys: int) -> None:
    while cache.dbsize() >= keys:
        time.sleep(0.01)


def _in_turns(deletion: "subprocess.Popen[bytes]", read: Callable[[], Any]) -> tuple[list[float], list[float], float]:
    """Return how long each read took while the deletion stood still and while it ran, and how long it ran."""
    idle: list[float] = []
    busy: list[float] = []
    end = time.monotonic() + LONGEST
    while deletion.poll() is None and time.monotonic() < end:
        deletion.send_signal(signal.SIGSTOP)
        idle += _times(read)
        deletion.send_signal(signal.SIGCONT)
        busy += _times(read)
    assert not deletion.poll(), "the deletion has failed"
    deletion.terminate()
    deletion.wait()
    return idle, busy, sum(busy)


def _times(read: Callable[[], Any]) -> list[float]:
    """Return how long each read of one turn took."""
    times, end = [], time.perf_counter() + TURN
    while (started := time.perf_counter()) < end:
        read()
        times.append(time.perf_counter() - started)
    return times


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
