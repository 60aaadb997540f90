"""The least that some steps of `steps.py` could take: the bare commands and statements, with nothing around them."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.bench import Bench
from benchmarks.flush import BATCH
from benchmarks.write_behind import WRITE_FIELD, WRITE_STRING

TIMES = 200
SLOTS = "return #redis.call('MGET', unpack(KEYS))"


def of_a_row(bench: Bench) -> dict[str, float]:
    """Return the microseconds a row of a batch: step -> the median of many."""
    from django.db import connection

    queue, cache = bench.bare_queue(), bench.bare_cache()
    pks = [str(pk) for pk in range(1, BATCH + 1)]
    rows = [f"floor:{pk}" for pk in pks]
    texts = [b'{"name":[1795383347112500,"Alice S. %s"]}' % pk.encode() for pk in pks]
    slots, looks = [bench.users.table.slots.key(pk) for pk in pks], cache.script_load(SLOTS)

    def acknowledge_and_claim() -> None:
        pipe = queue.pipeline(transaction=False)
        pipe.mget(rows).delete(*rows).zrem("floor:pending", *pks).zrem("floor:claimed", *pks)
        pipe.lpop("floor:list", BATCH).mget(rows).zadd("floor:claimed", dict.fromkeys(pks, 1))
        pipe.execute()

    def wait_again() -> None:
        queue.mset(dict(zip(rows, texts, strict=True)))
        queue.zadd("floor:pending", dict.fromkeys(pks, 1))
        queue.rpush("floor:list", *pks)

    def transaction() -> None:
        driver = connection.connection
        driver.execute("BEGIN IMMEDIATE")
        driver.executemany("UPDATE users_user SET name = ? WHERE id = ?", [("Alice S.", pk) for pk in pks])
        driver.execute("COMMIT")

    connection.ensure_connection()
    steps = {
        "acknowledge and claim: the trip": _median(acknowledge_and_claim, wait_again),
        "settle: the trip": _median(lambda: cache.evalsha(looks, len(slots), *slots)),
        "decode what waits": _median(lambda: [json.loads(text) for text in texts]),
        "the transaction": _median(transaction),
    }
    return {name: seconds / BATCH for name, seconds in steps.items()}


def of_an_update(bench: Bench) -> dict[str, float]:
    """Return the same of an update."""
    queue, cache = bench.bare_queue(), bench.bare_cache()
    key = bench.users.table.slots.key(1)
    slot = cache.get(key)
    field, string = queue.script_load(WRITE_FIELD), cache.script_load(WRITE_STRING)
    written = ("floor:1", "name", '1795383347112500"Alice Singh"')
    return {
        "read the base: the trip": _median(lambda: cache.get(key)),
        "read the base": _median(lambda: json.loads(slot[slot.index(b"{") :])),
        "enqueue: the trip": _median(lambda: queue.evalsha(field, 1, *written)),
        "publish: the trip": _median(lambda: cache.evalsha(string, 1, "floor:1", slot, 60_000)),
    }


def _median(call: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> float:
    taken = []
    for _ in range(TIMES):
        before()
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6
