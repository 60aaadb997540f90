"""A table as a flush of one shard sees it: of its queue that shard alone, and everything else as it is."""

from collections.abc import Sequence

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.sharded_queue import ShardedQueue


class ShardAlone(FlushQueue):
    """One shard of a queue; versions are announced in all of them, and traces are kept together."""

    def __init__(self, queue: ShardedQueue, shard: FlushQueue) -> None:
        self.__dict__.update(shard.__dict__)
        self._all = queue

    def key(self, part: str) -> str:
        return self._all.key(part) if part == "traces" else super().key(part)

    def announce(self, version: str, record: bytes) -> bytes:
        return self._all.announce(version, record)

    def versions(self) -> dict[str, bytes]:
        return self._all.versions()


class ShardTable(CachedTable):
    """The rows of a table whose writes wait in one shard."""

    def __init__(self, table: CachedTable, queue: ShardAlone) -> None:
        self.__dict__.update(table.__dict__)
        self._shard = queue

    @property
    def queue(self) -> ShardAlone:
        return self._shard


def of_each_shard(table: CachedTable) -> Sequence[CachedTable]:
    """Return the table once for each shard of its queue; only the table itself where there is one. Asks the queue."""
    queue = table.queue
    if not isinstance(queue, ShardedQueue):
        return [table]
    shards = queue.parts()
    return [table] if len(shards) == 1 else [ShardTable(table, ShardAlone(queue, shard)) for shard in shards]
