"""An update of one field of a cached row and the read after it, against what one writes by hand on Django's cache.

By hand: UPDATE, `cache.delete`, then `cache.get`, SELECT, `cache.set` of the pickled instance. That has no stamps, no
lease and no mark, so it may show an old value for as long as its timeout. The queue is on `appendfsync always`, so
cache-aside and write-through wait for its disk twice; write-behind once, and its flush is not counted here.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

CALLS = 5
ROWS = range(1, 101)
BUDGETS = {"cache-aside": 1.4, "write-through": 0.9, "write-behind": 0.4}


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    bench.users.warm(ROWS)
    sides = [*(ours(bench, pattern) for pattern in BUDGETS), by_hand(bench)]
    *figures, bare = seconds_a_call(bench.track("update, then read", range(bench.times(200, 30))), CALLS, *sides)
    for (pattern, budget), figure in zip(BUDGETS.items(), figures, strict=True):
        what = f"{pattern} update, then read"
        yield Result(what, figure * 1e6, "by hand on RedisCache", bare * 1e6, "µs", at_most=budget)


def ours(bench: Bench, pattern: str) -> Callable[[], object]:
    """Return what updates a row in a pattern and reads it."""
    users, writer, turns = bench.users, bench.users.via(pattern), _turns()

    def update_and_read() -> None:
        pk, name = next(turns)
        writer.update(pk, name=name)
        users.get(pk)

    return update_and_read


def by_hand(bench: Bench) -> Callable[[], object]:
    """Return what does so by hand."""
    from django.core.cache.backends.redis import RedisCache

    from benchmarks.saves import plain_model
    from users.models import User

    people, cache, turns = plain_model(User).objects, RedisCache(bench.cache.url(3), {}), _turns()

    def update_and_read() -> None:
        pk, name = next(turns)
        people.filter(pk=pk).update(name=name)
        cache.delete(f"user:{pk}")
        if cache.get(f"user:{pk}") is None:
            cache.set(f"user:{pk}", people.get(pk=pk), 60)

    return update_and_read


def _turns() -> Iterator[tuple[Any, str]]:
    return zip(itertools.cycle(ROWS), (f"name {number}" for number in itertools.count()), strict=False)
