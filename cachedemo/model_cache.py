"""What is registered for a model, and what one can ask of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, cast

from django.db import DEFAULT_DB_ALIAS

from cachedemo.patterns import AsConfigured, Pattern
from cachedemo.patterns.async_twins import AsyncReads, AsyncWrites
from cachedemo.patterns.of_model import M
from cachedemo.patterns.saving import MERGE
from cachedemo.patterns.writer import Writer
from cachedemo.protocol import (
    aliases,
    etags,
    flush,
    lookup_reads,
    many_lookups,
    near_reads,
    owed,
    reads,
    transactions,
    versions,
)
from cachedemo.protocol.cached_table import CachedTable, Options
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.field_codecs import Codecs
from cachedemo.protocol.near import Near
from cachedemo.protocol.near_slots import NearSlots
from cachedemo.protocol.no_queue import NoQueue
from cachedemo.protocol.sharded_queue import ShardedQueue
from cachedemo.protocol.slots import Slots
from cachedemo.servers import test_runs


class ModelCache(AsyncReads[M], AsyncWrites[M]):
    """A model behind the cache. Subclass it, set what differs, and decorate it with `register(Model)`.

    There is one for each database that has rows of the model: see `cache_for`. `class UserCache(ModelCache[User])` lets
    a type checker hold it against the model of `register`; without `[User]` it works in the same way.

    Attributes:
        using: alias of the database. `name` and `queue` have it too, where it is not the default one: `user@acme`.
        name: of the model in the cache's keys, `v{version}:{name}:{pk}`; the model's own name if not set.
        queue: the Redis list of rows that wait for a flush, and the prefix of the queue's other keys;
            `flush:`, the model's name and `s` if not set. None for a model that never uses write-behind: it needs no
            queue server, but has one version only, and a killed writer's drift lasts until the slot expires.
        fields: names of the fields to cache, or `"__all__"` for all that can be. The primary key is always there.
        codecs: name of a field -> (to_json, from_json): what its values are in JSON, for a field whose class does not
            say it well enough. Neither is asked about None.
        manager: name of the manager that says which rows there are, by columns of the row itself: what it hides, no
            read returns and no `update` finds. None for all rows of the table.
        version: of `fields` and `manager`. Raise it whenever one changes, or what the manager hides.
        timeout: seconds a value lives in the cache.
        near: seconds by which reads may be behind the writes of other processes, from 0.25 on: then each process keeps
            copies of rows, and a read of one asks no server. None for no copies. See docs/patterns.md.
        missing_timeout: seconds the knowledge lives that there is no such row.
        lease_timeout: seconds a reader or writer may take before it counts as dead; longer than any statement to
            the database may take.
        batch_size: rows a flush takes at once.
        claim_deadline: seconds a flush may take before its rows are given to another.
        max_pending: rows that may wait; beyond, write-behind goes write-through.
        fsync_within: seconds within which the queue must have a write on disk (WAITAOF) before it is acknowledged,
            less than `TIMEOUT` in CACHEDEMO; None trusts the server's own `appendfsync`.
        replicas: how many replicas of the queue must have a write, a stamp and whatever else a reader may have missed,
            before it counts (WAIT). 0 if the queue has none, or a failover may lose acknowledged writes.
        queue_shards: in how many hash slots the queue begins, if nobody has used it before; `cache_shards` changes
            that of one that is in use, whatever stands here.
        max_attempts: how often a superseded write is tried, or a batch that the database gave no answer to.
        lookups: names of cached unique fields that rows are looked up by, with `get_by`. Raise `version` when they
            change.
        pattern: the default way to write; `PATTERN` in CACHEDEMO if not set.
        triggers: whether the database changes rows of the table besides what a write says: by triggers, rules or a
            column that is ON UPDATE. True: what it made of a row is read back before it is cached. False: there is
            nothing of that kind, or it changes no cached field; `check --database` no longer asks. None: not said.
        stale_saves: what `save()` of an instance does that has missed a write of its row: "merge" writes what was
            changed on the instance and puts nothing else back, "refuse" raises StaleInstance.
    """

    name: str = ""
    queue: str | None = ""
    fields: ClassVar[list[str] | tuple[str, ...] | str] = []
    codecs: ClassVar[Codecs] = {}
    manager: str | None = None
    version: int = 1
    timeout: float = 60
    near: float | None = None
    missing_timeout: float = 5
    lease_timeout: float = 15
    batch_size: int = 1000
    claim_deadline: float = 30
    max_pending: int = 100_000
    fsync_within: float | None = None
    replicas: int = 0
    queue_shards: int = 1
    max_attempts: int = 5
    lookups: ClassVar[list[str] | tuple[str, ...]] = []
    triggers: bool | None = None
    pattern: Pattern | str = cast(Pattern, AsConfigured())
    stale_saves: str = MERGE

    def __init__(self, model: type[M], using: str = DEFAULT_DB_ALIAS) -> None:
        self.model = model
        self.using = using
        self.name = aliases.named(self.name or str(model._meta.model_name), using)
        if self.queue is not None:
            self.queue = aliases.named(self.queue or f"flush:{model._meta.model_name}s", using)
        self.table = self._table()

    def _table(self) -> CachedTable:
        """Return what the steps of the protocol take: they know nothing of this class."""
        kind = Slots if self.near is None else NearSlots
        slots = kind(self.name, self.version, self.timeout, self.missing_timeout, self.lease_timeout)
        none = NoQueue(f"no queue:{self.name}", slots.version)
        queue = ShardedQueue(self.queue, self.replicas, self.queue_shards) if self.queue else none
        options = Options(
            lease_timeout=self.lease_timeout,
            batch_size=self.batch_size,
            claim_deadline=self.claim_deadline,
            max_pending=self.max_pending,
            fsync_within=self.fsync_within,
            max_attempts=self.max_attempts,
            triggers=bool(self.triggers),
        )
        codec = Codec(self.model, self.fields, self.codecs, self.using)
        near = None if self.near is None else Near(self.name, self.near, self.timeout)
        return CachedTable(self.model, self.using, codec, slots, queue, options, self.lookups, self.manager, near)

    # reading

    def read(self, pk: Any, *, with_ttl: bool = False, fresh: bool = False) -> Entry:
        """Return the row as JSON bytes, its stamp and where it came from.

        Args:
            with_ttl: ask for the slot's time to live too, in the same round trip; a copy has none.
            fresh: return no copy, so that nothing is behind. It makes no difference without `near`.

        Raises:
            DoesNotExist: there is no such row.
            ValidationError: `pk` cannot be a primary key.
            QueueUnavailable, SourceUnavailable, ForeignData: it cannot be told.
            VersionConflict: as `announce`, which a process does before its first read.
        """
        table, pk = self.table, self.table.find_pk(pk)
        if (near := table.near) is not None and not fresh:
            if (copy := near.copy(table, pk)) is not None:
                near.hits += 1
                return copy.entry
            entry = near_reads.find(table, near, pk)
        else:
            entry = reads.find_with_ttl(table, pk) if with_ttl else reads.find(table, pk)
        if entry.body is None:
            raise table.missing(pk)
        return entry

    def get(self, pk: Any, *, fresh: bool = False) -> M:
        """Return the model instance; its fields that are not cached are deferred. Takes and raises what `read` does."""
        table = self.table
        instance: M
        if table.near is not None and not fresh:
            instance = near_reads.instance(table, table.near, table.find_pk(pk))
            return instance
        entry, values = reads.find_values(table, table.find_pk(pk))
        instance = table.codec.instance(values, entry.stamp, table.using)
        return instance

    def read_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, Entry]:
        """Return an entry for each row that exists: pk -> entry; the pk as the database has it.

        Raises as `read` does, but never DoesNotExist.

        Like the next two, takes any number of keys.
        """
        return {pk: entry for found in self._in_chunks(pks, fresh) for pk, entry in found}

    def get_many(self, pks: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]:
        """Return an instance for each row that exists: pk -> instance. Raises as `read_many` does."""
        table = self.table
        if table.near is not None and not fresh:
            return dict(near_reads.instances(table, table.near, pks))
        instances: dict[Any, M] = {}
        load = table.codec.loader(table.using)
        for found in self._in_chunks(pks, fresh):
            for pk, entry in found:
                try:
                    instances[pk] = load(entry.body, entry.stamp)  # type: ignore[arg-type]
                except ValueError:
                    instances[pk] = self.get(pk)
        return instances

    def _in_chunks(self, pks: Iterable[Any], fresh: bool) -> Iterator[list[tuple[Any, Entry]]]:
        """Read a thousand rows at a time, and keep none of them."""
        for _, found in self._chunks(pks, fresh):
            yield [(pk, entry) for pk, entry in found.items() if entry.body is not None]

    def _chunks(self, pks: Iterable[Any], fresh: bool) -> Iterator[tuple[list[Any], Mapping[Any, Entry]]]:
        """Yield a thousand keys at a time, each as often as it was named, and what was found by them."""
        table = self.table
        for some in in_chunks(table.find_pks(pks)):
            yield some, near_reads.find_many(table, None if fresh else table.near, list(dict.fromkeys(some)))

    def warm(self, pks: Iterable[Any]) -> int:
        """Load the rows that are not in the cache; return how many of these keys are of rows, one named twice twice."""
        return sum(found[pk].body is not None for some, found in self._chunks(pks, True) for pk in some)

    def etag(self, entry: Entry) -> str:
        """Return the entity tag of an entry, for `if_match`."""
        return etags.etag(self.table, entry)

    # looking up by a unique field

    def read_by(self, /, *, fresh: bool = False, **value: Any) -> Entry:
        """Return the row that has a value of a unique field, as `read` does. Takes and raises what `get_by` does."""
        return lookup_reads.find_named(self.table, value, fresh)[0]

    def get_by(self, /, *, fresh: bool = False, **value: Any) -> M:
        """Return the instance that has a value of a field in `lookups`, as in `get_by(email="a@example.com")`.

        Args:
            fresh: as for `read`. Where a copy is returned, no other row has taken its value before.

        Raises:
            DoesNotExist: no row has it.
            FieldError: that is not one field, or not one of `lookups`.
            ValidationError: it is no value of the field; None is none.
            MultipleObjectsReturned: two rows have it inside a transaction, before a deferred constraint is checked.
            Contended: another row had it with every try. And as `read` does.
        """
        instance: M = lookup_reads.instance(self.table, lookup_reads.find_named(self.table, value, fresh))
        return instance

    def get_many_by(self, field: str, values: Iterable[Any], *, fresh: bool = False) -> dict[Any, M]:
        """Return an instance for each value that a row has: value, as the database has it -> instance.

        Takes and raises what `get_by` does, but never DoesNotExist. Takes any number of values.
        """
        found = many_lookups.find_named(self.table, field, values, fresh)
        return {value: lookup_reads.instance(self.table, row) for value, row in found}

    # writing

    def via(self, pattern: Pattern | str) -> Writer[M]:
        """Return the writes of this cache in this pattern. Raises ValueError if it is the name of none."""
        return Writer(self.table, Pattern(pattern))

    def update(self, pk: Any, /, **fields: Any) -> M:
        """Write the named fields in the default pattern. See `Writer.update`."""
        return self.via(self.pattern).update(pk, **fields)

    def update_many(self, rows: Mapping[Any, Mapping[str, Any]], /) -> dict[Any, M]:
        """Write the named fields of many rows in the default pattern. See `Writer.update_many`."""
        return self.via(self.pattern).update_many(rows)

    def create_many(self, rows: Iterable[Mapping[str, Any]], /) -> list[M]:
        """Insert many rows in the default pattern. See `Writer.create_many`."""
        return self.via(self.pattern).create_many(rows)

    def increment(
        self, pk: Any, deltas: Mapping[str, Any] | None = None, /, *, min: Any = None, max: Any = None, **more: Any
    ) -> M:
        """Add to fields in the default pattern. See `Writer.increment`."""
        return self.via(self.pattern).increment(pk, deltas, min=min, max=max, **more)

    def create(self, /, **fields: Any) -> M:
        """Insert a row in the default pattern. See `Writer.create`."""
        return self.via(self.pattern).create(**fields)

    def delete(self, pk: Any) -> None:
        """Delete a row and what cascades from it, for good. See `Writer.delete`."""
        self.via(self.pattern).delete(pk)

    def evict(self, pks: Iterable[Any]) -> None:
        """Empty the slots of these rows in every live version, after COMMIT if a transaction is under way.

        For writes that went past cachedemo: raw SQL, other programs, managers that do not inherit `CachedManager`.
        Takes any number of keys, and a generator: outside a transaction it keeps none of them.

        Raises:
            QueueUnavailable, ForeignData: the slots may be as they were. A cache that does not answer raises nothing:
                the rows are owed, or with `queue = None` left as they are.
            TransactionManagementError: autocommit is off.
        """
        rows: Iterable[Any] = self.table.find_pks(pks)
        if transactions.sees_a_snapshot(self.table.using):
            rows = list(rows)
        transactions.after_commit(self.table.using, lambda: owed.empty_slots(self.table, rows))

    # operating

    def flush(self) -> int:
        """Flush one batch of waiting writes; return how many rows left the list. See `flush.flush`."""
        return flush.flush(self.table)

    def drain(self, timeout: float | None = None) -> int:
        """Flush until nothing waits but dead letters; `timeout` in seconds. See `flush.drain`."""
        return flush.drain(self.table, timeout)

    def announce(self) -> None:
        """Say that this version is in use; done by itself before anything is served.

        Raises:
            VersionConflict: the same number is live with other fields.
            QueueUnavailable: the queue gives no answer.
        """
        test_runs.use_servers(self.table.using)
        versions.announce(self.table)
