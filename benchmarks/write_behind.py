"""A warm write-behind update, against the least it could send: one GET and two scripts.

The other side does a bare GET of the row on the cache, a bare EVALSHA on the queue that writes one field, and a bare
EVALSHA on the cache that writes the row as one string. So both sides make the same three round trips, and both pay
the queue's sync to the disk, which with `appendfsync always` comes before the answer. That sync outweighs all else,
so the same is shown with `appendfsync everysec`, where what is left is the code.

Ours validates the value, decides, stamps, and queues the row besides. No worker runs, and the rows are the same few
hundred on both sides, so a row's first write in a round of the rows appends it to the list and later ones do not.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

CALLS = 5
ROWS = range(1, 301)

WRITE_FIELD = "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])"
WRITE_STRING = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


def measure(bench: Bench) -> Iterator[Result]:
    for policy in ("always", "everysec"):
        bench.start_empty()
        bench.users.warm(ROWS)
        with bench.appendfsync(policy):
            ours, theirs = _update(bench, policy)
        what = f"write-behind update, {policy}"
        yield Result(what, ours * 1e6, "GET, EVALSHA, EVALSHA", theirs * 1e6, "µs", at_most=1.3)


def _update(bench: Bench, policy: str) -> list[float]:
    write_behind = bench.users.via("write-behind")
    pks, names = itertools.cycle(ROWS), itertools.cycle(["Alice Singh", "Alice S."])
    return seconds_a_call(
        bench.track(f"write-behind update, appendfsync {policy}", range(bench.times(800, 100))),
        CALLS,
        lambda: write_behind.update(next(pks), name=next(names)),
        _bare(bench),
    )


def _bare(bench: Bench) -> Callable[[], Any]:
    cache, queue = bench.bare_cache(), bench.bare_queue()
    write_field, write_string = queue.script_load(WRITE_FIELD), cache.script_load(WRITE_STRING)
    pks = itertools.cycle(ROWS)
    for pk in ROWS:
        cache.set(f"user:{pk}", b"V1795383347112500" + bench.users.read(pk).body)

    def write() -> None:
        pk = next(pks)
        row = cache.get(f"user:{pk}")
        queue.evalsha(write_field, 1, f"row:{pk}", "name", '1795383347112500"Alice Singh"')
        cache.evalsha(write_string, 1, f"user:{pk}", row, 60_000)

    return write
