"""Which rows have a slot in the cache: all of them, found with SCAN, or a random sample."""

import random
from collections.abc import Iterator
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.servers.roles import CACHE

SCANNED = 500  # keys that one SCAN looks at
_TRIES = 20  # draws of `sample` keys each, at most: there are other keys in the cache too


def every(cache: ModelCache) -> Iterator[Any]:
    """Yield the primary key of every row that has a slot; SCAN may name one twice."""
    for keys in CACHE.scan(f"{cache.table.slots.prefix}*", SCANNED):
        yield from _pks(cache, keys)


def drawn(cache: ModelCache, sample: int) -> Iterator[Any]:
    """Yield up to `sample` primary keys of rows that have a slot, drawn at random."""
    keys: set[bytes] = set()
    for _ in range(_TRIES):
        for server in CACHE.servers():
            keys |= {key for key in server.pipeline([("RANDOMKEY",)] * sample) if isinstance(key, bytes)}
        ours = list(_pks(cache, keys))
        if len(ours) >= sample:
            break
    random.shuffle(ours)  # the servers of a cluster were asked one after the other
    return iter(ours[:sample])


def _pks(cache: ModelCache, keys: Any) -> Iterator[Any]:
    for key in keys:
        pk = cache.table.slots.pk_of(key)
        if pk is not None and cache.table.codec.is_pk(pk):
            yield cache.table.codec.to_pk(pk)
