"""`manage.py flush` empties all tables of a database: nothing waits for rows that are gone, and no slot shows them.

A table that begins anew hands out the same keys again, so that what waited for an old row would reach a new one.
"""

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.operations import dead_letters, switch
from cachedemo.protocol import aliases


def concerned(using: str) -> list[ModelCache]:
    """Return the caches of a database's rows. Raises QueueUnavailable."""
    primary = aliases.primary(using)
    return [cache for cache in registry.registered() if cache.table.using == primary]


def drain(caches: list[ModelCache]) -> None:
    """Have nothing wait that a flush can write; a refused value still does. Raises as `ModelCache.drain` does."""
    for cache in caches:
        if cache.queue:
            cache.drain()


def forget(caches: list[ModelCache]) -> None:
    """Do the same again, for what was written meanwhile, give up what is refused, and empty all slots."""
    drain(caches)
    for cache in caches:
        if cache.queue and (dead := [letter.pk for letter in dead_letters.letters(cache) if not letter.row_exists]):
            dead_letters.discard(cache, dead)
    switch.sweep(caches)
