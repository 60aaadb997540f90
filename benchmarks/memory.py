"""What a cached row costs the cache server, against the same JSON under a bare SET.

10,000 rows each. The bare keys are the article's, `user:1`. Ours carry a version in the key, 17 bytes of header in the
value, and a TTL, as every key of a cache must. The article sets one too (`EX: 60`), so there is a line with and one
without. Measured twice: by what the server says of each key, and by what its memory grows, which counts the tables
of keys and expiries too.
"""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.rows import ROWS

CHUNK = 500


def measure(bench: Bench) -> Iterator[Result]:
    bodies = _bodies(bench)
    bare = {f"user:{pk}": body for pk, body in bodies.items()}
    keys = [bench.users.table.slots.key(pk) for pk in bodies]
    ours = _bytes_a_row(bench, keys, lambda: _warm(bench, list(bodies)))
    for label, seconds in (("SET", None), ("SET EX 60", 60)):
        theirs = _bytes_a_row(bench, list(bare), lambda seconds=seconds: _set(bench.bare_cache(), bare, seconds))
        for how, mine, other in zip(("MEMORY USAGE", "used_memory"), ours, theirs, strict=True):
            yield Result(f"a cached row, {how}", mine, label, other, "bytes", at_most=1.3)


def _bodies(bench: Bench) -> dict[int, bytes]:
    bench.start_empty()
    pks = range(1, bench.times(ROWS, 2_000) + 1)
    return {pk: entry.body for pk, entry in bench.users.read_many(pks).items()}


def _bytes_a_row(bench: Bench, keys: list[str], fill: Callable[[], None]) -> tuple[float, float]:
    """Return what each of the keys takes on average, by MEMORY USAGE and by used_memory."""
    bench.start_empty()
    client = bench.bare_cache()
    before = client.info("memory")["used_memory"]
    fill()
    grown = client.info("memory")["used_memory"] - before
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.memory_usage(key)
    return sum(pipe.execute()) / len(keys), grown / len(keys)


def _warm(bench: Bench, pks: list[int]) -> None:
    for start in bench.track(f"{len(pks):,} rows into the cache", range(0, len(pks), CHUNK)):
        bench.users.warm(pks[start : start + CHUNK])


def _set(client: Any, values: dict[str, bytes], seconds: int | None) -> None:
    for key, value in values.items():
        client.set(key, value, ex=seconds)
