"""The asynchronous twins of reads and writes, once for all caches: `aget` for `get`, with its arguments and errors.

A hit is asked for from the event loop; what may ask the database goes to Django's thread.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic

from cachedemo.patterns.of_model import M
from cachedemo.protocol import async_lookups, async_reads, lookup_reads
from cachedemo.protocol.async_reads import in_djangos_thread
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.entries import Entry


class AsyncWrites(Generic[M]):
    """The twins of what `Writer` and `ModelCache` both have."""

    if TYPE_CHECKING:

        def update(self, pk: Any, /, **fields: Any) -> M: ...
        def increment(self, pk: Any, deltas: Any = None, /, **options: Any) -> M: ...
        def create(self, /, **fields: Any) -> M: ...
        def delete(self, pk: Any) -> None: ...
        def update_many(self, rows: Mapping[Any, Mapping[str, Any]], /) -> dict[Any, M]: ...
        def create_many(self, rows: Iterable[Mapping[str, Any]], /) -> list[M]: ...

    async def aupdate(self, pk: Any, /, **fields: Any) -> M:
        """Do what `update` does. Cancelled, it may have been written or not."""
        return await in_djangos_thread(self.update, pk, **fields)

    async def aincrement(
        self, pk: Any, deltas: Mapping[str, Any] | None = None, /, *, min: Any = None, max: Any = None, **more: Any
    ) -> M:
        """Do what `increment` does. Cancelled, it may have been added or not."""
        return await in_djangos_thread(self.increment, pk, deltas, min=min, max=max, **more)

    async def acreate(self, /, **fields: Any) -> M:
        """Do what `create` does. Cancelled, it may have been written or not."""
        return await in_djangos_thread(self.create, **fields)

    async def aupdate_many(self, rows: Mapping[Any, Mapping[str, Any]], /) -> dict[Any, M]:
        """Do what `update_many` does. Cancelled, they may have been written or not."""
        return await in_djangos_thread(self.update_many, rows)

    async def acreate_many(self, rows: Iterable[Mapping[str, Any]], /) -> list[M]:
        """Do what `create_many` does. Cancelled, they may have been written or not."""
        return await in_djangos_thread(self.create_many, rows)

    async def adelete(self, pk: Any) -> None:
        """Do what `delete` does. Cancelled, it may have been deleted or not."""
        await in_djangos_thread(self.delete, pk)


class AsyncReads(Generic[M]):
    """The twins of the reads. All hits that are asked for in one turn of the loop share one round trip."""

    table: CachedTable

    if TYPE_CHECKING:

        def read(self, pk: Any, *, with_ttl: bool = False, fresh: bool = False) -> Entry: ...
        def get(self, pk: Any, *, fresh: bool = False) -> M: ...
        def read_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, Entry]: ...
        def get_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]: ...
        def read_by(self, /, *, fresh: bool = False, **value: Any) -> Entry: ...
        def get_by(self, /, *, fresh: bool = False, **value: Any) -> M: ...
        def get_many_by(self, field: str, values: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]: ...
        def warm(self, pks: Iterable[Any]) -> int: ...
        def evict(self, pks: Iterable[Any]) -> None: ...

    async def aread(self, pk: Any, *, fresh: bool = False) -> Entry:
        """Do what `read` does."""
        table = self.table
        pk = table.find_pk(pk)
        entry = await async_reads.find(table, pk, None if fresh else table.near)
        if entry.body is None:
            raise table.missing(pk)
        return entry

    async def aget(self, pk: Any, *, fresh: bool = False) -> M:
        """Do what `get` does."""
        table = self.table
        pk = table.find_pk(pk)
        entry = await async_reads.find(table, pk, None if fresh else table.near)
        if entry.body is None:
            raise table.missing(pk)
        try:
            instance: M = table.instance(entry)
        except ValueError:  # JSON that is not ours
            return await in_djangos_thread(self.get, pk, fresh=fresh)
        return instance

    async def aread_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, Entry]:
        """Do what `read_many` does."""
        found: dict[Any, Entry] = {}
        near = None if fresh else self.table.near
        for some in in_chunks(self.table.find_pks(pks)):
            wanted = list(dict.fromkeys(some))
            entries = await async_reads.hits(self.table, wanted, near)
            if missed := [pk for pk in wanted if pk not in entries]:
                entries |= await in_djangos_thread(self.read_many, missed, fresh=fresh)
            found |= {pk: entries[pk] for pk in wanted if pk in entries and entries[pk].body is not None}
        return found

    async def aget_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]:
        """Do what `get_many` does."""
        instances: dict[Any, M] = {}
        for pk, entry in (await self.aread_many(pks, fresh=fresh)).items():
            try:
                instances[pk] = self.table.instance(entry)
            except ValueError:
                instances[pk] = await in_djangos_thread(self.get, pk, fresh=fresh)
        return instances

    async def aread_by(self, /, *, fresh: bool = False, **value: Any) -> Entry:
        """Do what `read_by` does."""
        return (await async_lookups.find(self.table, value, fresh))[0]

    async def aget_by(self, /, *, fresh: bool = False, **value: Any) -> M:
        """Do what `get_by` does."""
        instance: M = lookup_reads.instance(self.table, await async_lookups.find(self.table, value, fresh))
        return instance

    async def aget_many_by(self, field: str, values: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]:
        """Do what `get_many_by` does."""
        lookup, instances = self.table.lookup(field), dict[Any, M]()
        near = None if fresh else self.table.near
        for some in in_chunks(values):
            wanted = {lookup.parsed(asked) for asked in lookup.held(some)}
            for asked, row in await async_lookups.hits(self.table, lookup, wanted, near):
                instances[lookup.parsed(asked)] = lookup_reads.instance(self.table, row)
            if missed := [value for value in wanted if value not in instances]:
                instances |= await in_djangos_thread(self.get_many_by, field, missed, fresh=fresh)
        return instances

    async def awarm(self, pks: Iterable[Any]) -> int:
        """Do what `warm` does."""
        return await in_djangos_thread(self.warm, pks)

    async def aevict(self, pks: Iterable[Any]) -> None:
        """Do what `evict` does."""
        await in_djangos_thread(self.evict, pks)
