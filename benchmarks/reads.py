"""Warm reads of one row and of a hundred, against redis-py doing the bare command.

The other side is a plain redis-py client with the very settings of cachedemo's own (timeouts, pool, one retry), so
the difference is cachedemo's code alone. `read` hands out bytes, as a GET does. `get` hands out a model instance:
its other side is a GET still, and besides it Django's own cache, which keeps a pickled instance. `get_many` hands out
instances too; its other side is one MGET and `json.loads` of each answer.
"""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rounds import seconds_a_call

CALLS = 20  # of each side in one round
MANY = range(1, 101)


def measure(bench: Bench) -> Iterator[Result]:
    bench.start_empty()
    yield from _one(bench)
    yield from _many(bench)


def _one(bench: Bench) -> Iterator[Result]:
    users, bare, django = bench.users, bench.bare_cache(), _django_cache(bench)
    bare.set("user:1", users.read(1).body)
    django.set("user:1", users.get(1), timeout=600)
    read, get, bare_get, django_get = seconds_a_call(
        bench.track("users.read(1) and users.get(1)", range(bench.times(1_500, 200))),
        CALLS,
        lambda: users.read(1),
        lambda: users.get(1),
        lambda: bare.get("user:1"),
        lambda: django.get("user:1"),
    )
    yield Result("users.read(1)", read * 1e6, "GET", bare_get * 1e6, "µs", at_most=1.08)
    yield Result("users.get(1)", get * 1e6, "GET", bare_get * 1e6, "µs", at_most=1.15)
    yield Result("users.get(1)", get * 1e6, "Django's RedisCache.get", django_get * 1e6, "µs", at_most=2 / 3)


def _many(bench: Bench) -> Iterator[Result]:
    users, bare = bench.users, bench.bare_cache()
    keys = [f"user:{pk}" for pk in MANY]
    bare.mset({f"user:{pk}": entry.body for pk, entry in users.read_many(MANY).items()})
    get_many, mget = seconds_a_call(
        bench.track("users.get_many(100)", range(bench.times(800, 100))),
        CALLS // 10,
        lambda: users.get_many(MANY),
        lambda: [json.loads(body) for body in bare.mget(keys)],
    )
    yield Result("users.get_many(100)", get_many * 1e6, "MGET, json.loads", mget * 1e6, "µs", at_most=1.2)


def _django_cache(bench: Bench) -> Any:
    from django.core.cache.backends.redis import RedisCache

    return RedisCache(bench.cache.url(0), {})
