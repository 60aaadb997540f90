"""Which rows have a slot in the cache: all of them, found with SCAN, or a random sample."""

from collections.abc import Iterator
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.servers.roles import CACHE

SCANNED = 500  # keys that one SCAN looks at
_TRIES = 20  # draws of `sample` keys each, at most: there are other keys in the cache too


def every(cache: ModelCache) -> Iterator[Any]:
    """Yield the primary key of every row that has a slot; SCAN may name one twice."""
    cursor = 0
    while True:
        cursor, keys = CACHE.command("SCAN", cursor, "MATCH", f"{cache.table.slots.prefix}*", "COUNT", SCANNED)
        yield from _pks(cache, keys)
        if int(cursor) == 0:
            return


def drawn(cache: ModelCache, sample: int) -> Iterator[Any]:
    """Yield up to `sample` primary keys of rows that have a slot, drawn at random."""
    keys: set[bytes] = set()
    for _ in range(_TRIES):
        keys |= {key for key in CACHE.pipeline([("RANDOMKEY",)] * sample) if isinstance(key, bytes)}
        ours = list(_pks(cache, keys))
        if len(ours) >= sample:
            break
    return iter(ours[:sample])


def _pks(cache: ModelCache, keys: Any) -> Iterator[Any]:
    prefix = cache.table.slots.prefix.encode()
    for key in keys:
        pk = key[len(prefix) :].decode(errors="replace")
        if key.startswith(prefix) and cache.table.codec.is_pk(pk):
            yield cache.table.codec.to_pk(pk)
