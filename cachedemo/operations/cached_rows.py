"""Which rows have a slot in the cache: all of them, found with SCAN, or a random sample."""

from collections.abc import Iterator
from typing import Any

from cachedemo.model_cache import ModelCache
from cachedemo.servers.roles import CACHE

SCANNED = 500  # keys that one SCAN looks at
_TRIES = 20  # draws of `sample` keys each, at most: there are other keys in the cache too


def every(cache: ModelCache) -> Iterator[Any]:
    """Yield the primary key of every row that has a slot; SCAN may name one twice."""
    return _every(cache, cache.table.slots.prefix)


def in_all_versions(cache: ModelCache) -> Iterator[Any]:
    """Do the same for the slots of every version that is announced: a row may have one in each."""
    slots = cache.table.slots
    for version in sorted({slots.version, *cache.table.queue.versions()}):
        yield from _every(cache, slots.key("", version))


def _every(cache: ModelCache, prefix: str) -> Iterator[Any]:
    cursor = 0
    while True:
        cursor, keys = CACHE.command("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", SCANNED)
        yield from _pks(cache, keys, prefix)
        if int(cursor) == 0:
            return


def drawn(cache: ModelCache, sample: int) -> Iterator[Any]:
    """Yield up to `sample` primary keys of rows that have a slot, drawn at random."""
    keys: set[bytes] = set()
    for _ in range(_TRIES):
        keys |= {key for key in CACHE.pipeline([("RANDOMKEY",)] * sample) if isinstance(key, bytes)}
        ours = list(_pks(cache, keys, cache.table.slots.prefix))
        if len(ours) >= sample:
            break
    return iter(ours[:sample])


def _pks(cache: ModelCache, keys: Any, prefix: str) -> Iterator[Any]:
    before = prefix.encode()
    for key in keys:
        pk = key[len(before) :].decode(errors="replace")
        if key.startswith(before) and cache.table.codec.is_pk(pk):
            yield cache.table.codec.to_pk(pk)
