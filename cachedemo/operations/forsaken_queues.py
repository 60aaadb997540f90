"""Queues that no registration has any more, in a sentence each: who renames a model, or `queue`, leaves writes behind.

They are those that some process has announced. Another project on this server has queues of its own there, without a
`KEY_PREFIX`; what waits in these is flushed before it is told.
"""

from cachedemo import registry
from cachedemo.plurals import counted
from cachedemo.protocol import aliases, announced_tables
from cachedemo.protocol.sharded_queue import ShardedQueue
from cachedemo.servers.key_prefix import prefix

PATIENCE = 60  # seconds for which something may wait for a worker of the release before


def sentences() -> list[str]:
    """Return a sentence for each in which something waits. Raises QueueUnavailable."""
    known = {aliases.split(str(cache.queue))[0] for cache in registry.declared() if cache.queue}
    noted = announced_tables.queues()
    found = [(name, noted[name]) for name in sorted(noted) if aliases.split(name)[0] not in known]
    return [_sentence(name, table, rows) for name, table in found if (rows := _waiting(name))]


def _waiting(name: str) -> int:
    queue = ShardedQueue(name, 0, 1).under(prefix(aliases.split(name)[1]))
    rows = queue.depth()
    return rows if rows and (queue.lag() > PATIENCE or queue.dead_count()) else 0


def _sentence(name: str, table: str, rows: int) -> str:
    return (
        f"In {name} wait writes of {counted(rows, 'row')} of {table}, and no registration of this process has that "
        f"queue: if it was renamed, nobody flushes it. Drain it with the release that has it, or set "
        f"queue = {name!r} in the registration."
    )
