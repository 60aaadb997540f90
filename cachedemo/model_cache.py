"""What is registered for a model, and what one can ask of it."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models, transaction

from cachedemo.patterns import Pattern
from cachedemo.patterns.saving import MERGE
from cachedemo.patterns.writer import Writer
from cachedemo.protocol import flush, owed, reads, versions
from cachedemo.protocol.cached_table import CachedTable, Options
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.field_codecs import Codecs
from cachedemo.protocol.no_queue import NoQueue
from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.slots import Slots


class ModelCache:
    """A model behind the cache. Subclass it, set what differs, and decorate it with `register(Model)`.

    Attributes:
        name: of the model in the cache's keys, `v{version}:{name}:{pk}`; the model's own name if not set.
        queue: the Redis list of rows that wait for a flush, and the prefix of the queue's other keys;
            `flush:` and the model's plural if not set. None for a model that never uses write-behind: it needs no
            queue server, but has one version only, and a killed writer's drift lasts until the slot expires.
        fields: names of the fields to cache, or "__all__" for all that can be. The primary key is always there.
        codecs: name of a field -> (to_json, from_json): what its values are in JSON, for a field whose class does not
            say it well enough. Neither is asked about None.
        version: of `fields`. Raise it whenever they change.
        timeout: seconds a value lives in the cache.
        missing_timeout: seconds the knowledge lives that there is no such row.
        lease_timeout: seconds a reader or writer may take before it counts as dead; longer than any statement to
            the database may take.
        batch_size: rows a flush takes at once.
        claim_deadline: seconds a flush may take before its rows are given to another.
        max_pending: rows that may wait; beyond, write-behind goes write-through.
        fsync_within: seconds within which the queue must have a write on disk (WAITAOF) before it is acknowledged,
            less than the socket timeout of 1; None trusts the server's own `appendfsync`.
        max_attempts: how often a superseded write is tried, or a batch that the database gave no answer to.
        pattern: the default way to write.
        stale_saves: what `save()` of an instance does that has missed a write of its row: "merge" writes what was
            changed on the instance and puts nothing else back, "refuse" raises StaleInstance.
    """

    name: str = ""
    queue: str | None = ""
    fields: ClassVar[list[str] | str] = []
    codecs: ClassVar[Codecs] = {}
    version: int = 1
    timeout: float = 60
    missing_timeout: float = 5
    lease_timeout: float = 15
    batch_size: int = 1000
    claim_deadline: float = 30
    max_pending: int = 100_000
    fsync_within: float | None = None
    max_attempts: int = 5
    pattern: Pattern = Pattern.CACHE_ASIDE
    stale_saves: str = MERGE

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.name = self.name or str(model._meta.model_name)
        if self.queue == "":
            self.queue = f"flush:{model._meta.model_name}s"
        self.table = self._table()

    def _table(self) -> CachedTable:
        """Return what the steps of the protocol take: they know nothing of this class."""
        slots = Slots(self.name, self.version, self.timeout, self.missing_timeout, self.lease_timeout)
        queue = FlushQueue(self.queue) if self.queue else NoQueue(self.name, slots.version)
        options = Options(
            lease_timeout=self.lease_timeout,
            batch_size=self.batch_size,
            claim_deadline=self.claim_deadline,
            max_pending=self.max_pending,
            fsync_within=self.fsync_within,
            max_attempts=self.max_attempts,
        )
        return CachedTable(self.model, Codec(self.model, self.fields, self.codecs), slots, queue, options)

    # reading

    def read(self, pk: Any, *, with_ttl: bool = False) -> Entry:
        """Return the row as JSON bytes, its stamp and where it came from.

        Args:
            with_ttl: ask for the slot's time to live too, in the same round trip.

        Raises:
            DoesNotExist: there is no such row.
            QueueUnavailable, SourceUnavailable: it cannot be told.
        """
        table, pk = self.table, self.table.find_pk(pk)
        entry = reads.find_with_ttl(table, pk) if with_ttl else reads.find(table, pk)
        if entry.body is None:
            raise table.missing(pk)
        return entry

    def get(self, pk: Any) -> Any:
        """Return the model instance; its fields that are not cached are deferred. Raises as `read` does."""
        table = self.table
        entry, values = reads.find_values(table, table.find_pk(pk))
        return table.codec.instance(values, entry.stamp, table.using)

    def read_many(self, pks: Iterable[Any]) -> dict[Any, Entry]:
        """Return an entry for each row that exists: pk -> entry; the pk as the database has it."""
        found = reads.find_many(self.table, self.table.find_pks(pks))
        return {pk: entry for pk, entry in found.items() if entry.body is not None}

    def get_many(self, pks: Iterable[Any]) -> dict[Any, Any]:
        """Return an instance for each row that exists: pk -> instance."""
        using = self.table.using
        return {pk: self._instance(pk, entry, using) for pk, entry in self.read_many(pks).items()}

    def _instance(self, pk: Any, entry: Entry, using: str) -> Any:
        codec = self.table.codec
        try:
            return codec.instance(codec.decode(entry.body), entry.stamp, using)  # type: ignore[arg-type]
        except ValueError:
            return self.get(pk)

    def warm(self, pks: Iterable[Any]) -> int:
        """Load the rows that are not in the cache; return how many of them all exist."""
        return len(self.read_many(pks))

    def etag(self, entry: Entry) -> str:
        """Return the entity tag (RFC 9110) of an entry: version, stamp, and a short hash of the body."""
        return self.table.etag(entry)

    # writing

    def via(self, pattern: Pattern | str) -> Writer:
        """Return the writes of this cache in another pattern than the default."""
        return Writer(self.table, Pattern(pattern))

    def update(self, pk: Any, /, **fields: Any) -> Any:
        """Write the named fields in the default pattern. See `Writer.update`."""
        return self.via(self.pattern).update(pk, **fields)

    def create(self, **fields: Any) -> Any:
        """Insert a row in the default pattern. See `Writer.create`."""
        return self.via(self.pattern).create(**fields)

    def delete(self, pk: Any) -> None:
        """Delete a row and what cascades from it, for good. See `Writer.delete`."""
        self.via(self.pattern).delete(pk)

    def evict(self, pks: Iterable[Any]) -> None:
        """Empty the slots of these rows in every live version, after COMMIT if a transaction is under way.

        For writes that went past cachedemo: raw SQL, other programs, managers that do not inherit `CachedManager`.
        """
        rows = self.table.find_pks(pks)
        transaction.on_commit(lambda: owed.empty_slots(self.table, rows), using=self.table.using)

    # operating

    def flush(self) -> int:
        """Flush one batch of waiting writes; return how many rows it took."""
        return flush.flush(self.table)

    def drain(self, timeout: float | None = None) -> int:
        """Flush until nothing waits but dead letters; `timeout` in seconds. See `flush.drain`."""
        return flush.drain(self.table, timeout)

    def announce(self) -> None:
        """Say that this version is in use; done by itself before anything is served.

        Raises:
            VersionConflict: the same number is live with other fields.
        """
        versions.announce(self.table)
