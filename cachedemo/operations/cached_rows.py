"""Which rows have a slot in the cache: all of them, found with SCAN, or a random sample."""

from collections.abc import Iterator
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.protocol.chance import CHANCE
from cachedemo.servers.roles import CACHE

SCANNED = 500  # keys that one SCAN looks at
_TRIES = 20  # draws of `sample` keys each, at most: there are other keys in the cache too


def every(cache: ModelCache) -> Iterator[Any]:
    """Yield the primary key of every row that has a slot; SCAN may name one twice."""
    return _every(cache, cache.table.slots.version)


def in_all_versions(cache: ModelCache) -> Iterator[Any]:
    """Do the same for the slots of every version that is announced: a row may have one in each."""
    for version in sorted({cache.table.slots.version, *cache.table.queue.versions()}):
        yield from _every(cache, version)


def _every(cache: ModelCache, version: str) -> Iterator[Any]:
    for keys in CACHE.scan(f"{cache.table.slots.prefix_of(version)}*", SCANNED):
        yield from _pks(cache, keys, version)


def drawn(cache: ModelCache, sample: int) -> Iterator[Any]:
    """Yield up to `sample` primary keys of rows that have a slot, drawn at random."""
    keys: set[bytes] = set()
    for _ in range(_TRIES):
        for server in CACHE.servers():
            keys |= {key for key in server.pipeline([("RANDOMKEY",)] * sample) if isinstance(key, bytes)}
        ours = list(_pks(cache, keys, cache.table.slots.version))
        if len(ours) >= sample:
            break
    CHANCE.shuffle(ours)  # the servers of a cluster were asked one after the other
    return iter(ours[:sample])


def _pks(cache: ModelCache, keys: Any, version: str) -> Iterator[Any]:
    for key in keys:
        pk = cache.table.slots.pk_of(key, version)
        if pk is not None and cache.table.codec.is_pk(pk):
            yield cache.table.codec.to_pk(pk)
