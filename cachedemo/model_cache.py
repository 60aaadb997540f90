"""What is registered for a model, and what one can ask of it."""

import zlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

from django.db import models, router, transaction

from cachedemo.exceptions import CacheUnavailable
from cachedemo.patterns import Pattern
from cachedemo.patterns.writer import Writer
from cachedemo.protocol import flush, reads, versions
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
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
        fields: names of the fields to cache. The primary key is always there.
        version: of `fields`. Raise it whenever they change.
        timeout: seconds a value lives in the cache.
        missing_timeout: seconds the knowledge lives that there is no such row.
        lease_timeout: seconds a reader or writer may take before it counts as dead; longer than any statement to
            the source may take.
        batch_size: rows a flush takes at once.
        claim_deadline: seconds a flush may take before its rows are given to another.
        max_pending: rows that may wait; beyond, write-behind goes write-through.
        fsync_within: seconds within which the queue must have a write on disk (WAITAOF) before it is acknowledged,
            less than the socket timeout of 1; None trusts the server's own `appendfsync`.
        max_attempts: how often a superseded write is tried, or a batch that the source gave no answer to.
        pattern: the default way to write.
    """

    name: str = ""
    queue: str | None = ""
    fields: ClassVar[list[str]] = []
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

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.name = self.name or str(model._meta.model_name)
        if self.queue == "":
            self.queue = f"flush:{model._meta.model_name}s"
        self.codec = Codec(model, self.fields)
        self.slots = Slots(self.name, self.version, self.timeout, self.missing_timeout, self.lease_timeout)
        self.queue_of_writes = FlushQueue(self.queue) if self.queue else NoQueue(self.slots.version)
        self.announced: bytes | None = None  # what the queue holds about our version, once it does

    # reading

    def read(self, pk: Any, *, with_ttl: bool = False) -> Entry:
        """Return the row as JSON bytes, its stamp and where it came from.

        Args:
            with_ttl: ask for the slot's time to live too, in the same round trip.

        Raises:
            DoesNotExist: there is no such row.
            QueueUnavailable, SourceUnavailable: it cannot be told.
        """
        pk = self.to_pk(pk)
        entry = reads.find_with_ttl(self, pk) if with_ttl else reads.find(self, pk)
        if entry.body is None:
            raise self.missing(pk)
        return entry

    def get(self, pk: Any) -> Any:
        """Return the model instance; its fields that are not cached are deferred. Raises as `read` does."""
        entry, values = reads.find_values(self, self.to_pk(pk))
        return self.codec.instance(values, entry.stamp, self.using)

    def read_many(self, pks: Iterable[Any]) -> dict[Any, Entry]:
        """Return an entry for each row that exists: pk -> entry."""
        wanted = list(dict.fromkeys(self.to_pk(pk) for pk in pks))
        return {pk: entry for pk, entry in reads.find_many(self, wanted).items() if entry.body is not None}

    def get_many(self, pks: Iterable[Any]) -> dict[Any, Any]:
        """Return an instance for each row that exists: pk -> instance."""
        using = self.using
        return {pk: self._instance(pk, entry, using) for pk, entry in self.read_many(pks).items()}

    def warm(self, pks: Iterable[Any]) -> int:
        """Load the rows that are not in the cache; return how many of them all exist."""
        return len(self.read_many(pks))

    def etag(self, entry: Entry) -> str:
        """Return the entity tag (RFC 9110) of an entry: version, stamp, and a short hash of the body."""
        return f'"{self.version}-{entry.stamp:016d}-{zlib.crc32(entry.body or b""):08x}"'

    # writing

    def via(self, pattern: Pattern | str) -> Writer:
        """Return the writes of this cache in another pattern than the default."""
        return Writer(self, Pattern(pattern))

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

        For writes that went past cachedemo: `QuerySet.update()`, `bulk_update`, `bulk_create`, raw SQL.
        """
        rows = [self.to_pk(pk) for pk in pks]
        transaction.on_commit(lambda: self._evict(rows), using=self.using)

    def _evict(self, pks: list[Any]) -> None:
        try:
            self.slots.drop(pks, self.queue_of_writes.versions())
        except CacheUnavailable:
            self.queue_of_writes.owe(pks)

    # operating

    def flush(self) -> int:
        """Flush one batch of waiting writes; return how many rows it took."""
        return flush.flush(self)

    def drain(self, timeout: float | None = None) -> int:
        """Flush until nothing waits but dead letters; `timeout` in seconds. See `flush.drain`."""
        return flush.drain(self, timeout)

    def announce(self) -> None:
        """Say that this version is in use; done by itself before anything is served.

        Raises:
            VersionConflict: the same number is live with other fields.
        """
        self.announced = versions.announce(self)

    # what the protocol's modules ask

    @property
    def using(self) -> str:
        """The database that writes go to."""
        return router.db_for_write(self.model)

    @property
    def rows(self) -> "models.QuerySet[Any]":
        """All rows of the source, whatever the default manager hides."""
        return self.model._base_manager.using(self.using)

    @cached_property
    def unique_fields(self) -> set[str]:
        """Cached fields whose values the database may refuse because of other rows."""
        meta = self.model._meta
        together = {name for names in meta.unique_together for name in names}
        for constraint in meta.constraints:
            if isinstance(constraint, models.UniqueConstraint):
                whole = not constraint.fields or constraint.condition is not None  # what it looks at is not named
                together |= self.codec.fields.keys() if whole else set(constraint.fields)
        return {
            attname
            for attname, field in self.codec.fields.items()
            if field.unique or field.remote_field or {field.name, attname} & together
        }

    def to_pk(self, value: Any) -> Any:
        """Return a primary key in the one form that names its slot. Raises ValidationError if it is none."""
        return value if type(value) is int else self.codec.to_pk(value)

    def _instance(self, pk: Any, entry: Entry, using: str) -> Any:
        try:
            return self.codec.instance(self.codec.decode(entry.body), entry.stamp, using)  # type: ignore[arg-type]
        except ValueError:
            return self.get(pk)

    def missing(self, pk: Any) -> Exception:
        """Return what says that there is no such row."""
        does_not_exist: type[Exception] = self.model.DoesNotExist  # type: ignore[attr-defined]
        return does_not_exist(f"{self.model._meta.object_name} {pk} does not exist.")
