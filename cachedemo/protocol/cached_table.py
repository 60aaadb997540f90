"""One registered model's table, as the steps of the protocol see it: no facade, just what they ask for."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import models

from cachedemo import conf
from cachedemo.protocol import lookup_fields
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.closed_slots import ClosedSlots
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.field_classes import computed_from
from cachedemo.protocol.hint_slots import HintSlots
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.model_stats import UNREGISTERED, ModelStats
from cachedemo.protocol.near import Near
from cachedemo.protocol.no_queue import NoQueue
from cachedemo.protocol.no_slots import NoSlots
from cachedemo.protocol.primary_keys import NotHeld
from cachedemo.protocol.row_filter import HidesRows
from cachedemo.protocol.row_statements import RowStatements
from cachedemo.protocol.slots import Slots
from cachedemo.protocol.stats import OF_ALL_MODELS, reads_of
from cachedemo.protocol.unique_fields import unique_fields
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers.key_prefix import in_use

MOST_EMPTIED = 1_000  # rows whose emptied slots a process remembers
ASK_AGAIN = 0.25  # seconds between two questions whether a queue that was closed is open again


@dataclass
class Options:
    """What a registration says of times (seconds) and numbers; `ModelCache` has the defaults and what each means."""

    lease_timeout: float
    batch_size: int
    claim_deadline: float
    max_pending: int
    fsync_within: float | None
    max_attempts: int
    triggers: bool = False


@dataclass
class Places:
    """Where rows are cached and writes wait: in the two servers under one prefix of keys, or nowhere.

    Attributes:
        ask_again: when to ask whether it still is closed, by the monotonic clock.
        emptied: rows whose slots this process has just emptied, and not read since.
    """

    prefix: str | None
    slots: Slots
    queue: WriteQueue
    hints: dict[str, Slots]  # by attname of the field that rows are looked up by
    announced: bytes | None = None
    closed: bytes | None = None
    ask_again: float = 0.0
    emptied: dict[Any, bool] = field(default_factory=dict)

    def has_emptied(self, pk: Any) -> None:
        """Note that the next read of this row need not look: it takes the lease at once, which looks too."""
        if len(self.emptied) >= MOST_EMPTIED:
            self.emptied.clear()
        self.emptied[pk] = True


def _nowhere(slots: Slots, queue: WriteQueue, looked_up_by: Iterable[str]) -> Places:
    """Return what answers without a server, under the same names."""
    lifetimes = slots.timeout, slots.missing_timeout, slots.lease_ms / 1000
    no_slots = NoSlots(slots.name, slots.version, *lifetimes)
    return Places(None, no_slots, NoQueue(queue.name, slots.version), dict.fromkeys(looked_up_by, no_slots))


class CachedTable(HidesRows):
    """The rows of one model: how they are written down, where they are cached, where their writes wait.

    Args:
        using: alias of the database that its rows are in.
        lookups: names of the unique fields that rows are looked up by.
        manager: name of the one that says which rows there are; None for all.
        near: the copies of its rows that this process has; None where it keeps none.

    Attributes:
        looked_up_by: their attnames.
        announced: what the queue holds about our version, once this process has announced it; None before, and
            while the version may not be filled.
        closed: the note of an operator who has switched off, if this process was told; it may be open again since.
    """

    announces = True  # whether its fields are those of the version

    def __init__(
        self,
        model: type[models.Model],
        using: str,
        codec: Codec,
        slots: Slots,
        queue: WriteQueue,
        options: Options,
        lookups: Iterable[str] = (),
        manager: str | None = None,
        near: Near | None = None,
    ) -> None:
        self.model = model
        self.using = using
        self.codec = codec
        self.options = options
        self.manager = manager
        self.near = near
        self.counts = UNREGISTERED
        self.reads = OF_ALL_MODELS
        self.looked_up_by = lookup_fields.attnames(codec, lookups)
        self._servers = Places("", slots, queue, self._hints(slots))
        self._nowhere = _nowhere(slots, queue, self.looked_up_by)

    @property
    def places(self) -> Places:
        """Where its rows are cached and its writes wait now.

        Asked for once in a read: a test of a project has a prefix of its own, and the settings may change.
        """
        prefix = in_use(self.using)
        if prefix is None:
            return self._nowhere
        places = self._servers
        if places.prefix != prefix:
            conf.get_valid("KEY_PREFIX")  # nothing is kept under one that no script, scan or cluster takes
            slots = places.slots.under(prefix)
            places = self._servers = Places(prefix, slots, places.queue.under(prefix), self._hints(slots))
        return places

    @property
    def asks_servers(self) -> bool:
        """Whether there is anything in the servers, or may be: not where cachedemo is switched off by its setting."""
        return self.places.prefix is not None

    def count_by_name(self) -> None:
        """Count by its own name too: for a model that is registered, so that no name comes once only."""
        name = self._servers.slots.name
        self.reads, self.counts = reads_of(name), ModelStats(name)

    def _hints(self, slots: Slots) -> dict[str, Slots]:
        return {attname: HintSlots(slots, attname) for attname in self.looked_up_by}

    @property
    def slots(self) -> Slots:
        """Where its rows are cached."""
        places = self.places
        return places.slots if places.closed is None else ClosedSlots(places.slots)

    @property
    def hints(self) -> dict[str, Slots]:
        """Where the hints are of each field that rows are looked up by."""
        found, closed = self.places.hints, self.places.closed is not None
        return {attname: ClosedSlots(hints) for attname, hints in found.items()} if closed else found

    @property
    def queue(self) -> WriteQueue:
        """Where its writes wait."""
        return self.places.queue

    @property
    def announced(self) -> bytes | None:
        return self.places.announced

    @announced.setter
    def announced(self, record: bytes | None) -> None:
        self.places.announced = record

    @property
    def closed(self) -> bytes | None:
        return self.places.closed

    def told(self, announced: bytes | None, closed: bytes | None = None) -> None:
        """Note what the queue has said of our version."""
        places = self.places
        places.announced, places.closed = announced, closed
        places.ask_again = time.monotonic() + ASK_AGAIN if closed else 0.0

    def has_just_been_told(self) -> bool:
        """Whether it is closed as far as we know, and that was asked a moment ago."""
        places = self.places
        return places.closed is not None and time.monotonic() < places.ask_again

    @cached_property
    def unique_fields(self) -> set[str]:
        """Cached fields whose values the database may refuse because of other rows."""
        return unique_fields(self.model, self.codec.fields)

    @cached_property
    def sources(self) -> set[str]:
        """Cached fields from which the database computes another cached one."""
        generated = [field for name, field in self.codec.fields.items() if name not in self.codec.written]
        return {name for field in generated for name in computed_from(self.model, field)}

    @cached_property
    def statements(self) -> RowStatements:
        """How one of its rows is read and written."""
        return RowStatements(self.model, self.using, self.codec)

    @cached_property
    def lookups(self) -> dict[str, Lookup]:
        """How rows are looked up by each of the fields that they are looked up by."""
        return {attname: Lookup(self.codec, attname) for attname in self.looked_up_by}

    def lookup(self, name: str) -> Lookup:
        """Return how rows are looked up by the field of this name. Raises FieldError if they are not."""
        for lookup in self.lookups.values():
            if name in (lookup.attname, lookup.field.name):
                return lookup
        known = ", ".join(self.looked_up_by) or "nothing"
        raise FieldError(f"{self.model._meta.label} is not looked up by {name!r} but by {known}: add it to `lookups`.")

    def to_pk(self, value: Any) -> Any:
        """Return a primary key in the one form that names its slot. Raises ValidationError if it is none."""
        return self.codec.to_pk(value)

    def pk_of_row(self, value: Any) -> Any:
        """Do the same for a key that the database has given back: there is such a row, whatever its key is."""
        try:
            return self.codec.to_pk(value)
        except ValidationError:
            return value

    def find_pk(self, value: Any) -> Any:
        """Do the same for a row that somebody asks for.

        Raises:
            DoesNotExist: the column cannot hold such a key, so there is no such row.
            ValidationError: it is no key at all.
        """
        keys = self.codec.keys
        if keys.is_whole(value):
            return value
        try:
            return keys.canonical(value)
        except NotHeld:
            raise self.missing(value) from None

    def find_pks(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield those of these keys that the column can hold."""
        keys = self.codec.keys
        for some in in_chunks(values):
            if keys.are_whole(some):
                yield from some
                continue
            for value in some:
                with suppress(NotHeld):
                    yield self.codec.to_pk(value)

    def instance(self, entry: Entry) -> Any:
        """Return the model instance of a row that exists. Raises ValueError if the body is not of this model."""
        values = self.codec.decode(entry.body)  # type: ignore[arg-type]
        return self.codec.instance(values, entry.stamp, self.using)

    def missing(self, pk: Any) -> Exception:
        """Return what says that there is no such row."""
        does_not_exist: type[Exception] = self.model.DoesNotExist  # type: ignore[attr-defined]
        return does_not_exist(f"{self.model._meta.object_name} {pk} does not exist.")


class HistoricalTable(CachedTable):
    """The same table as a migration sees it, with the columns of that time.

    It counts as announced whatever the queue holds, so its fields are never announced as those of the version; and as
    the queue never holds that, nothing is filled.
    """

    announces = False

    def __init__(self, table: CachedTable, model: type[models.Model], codec: Codec) -> None:
        places, lookups = table._servers, table.looked_up_by
        super().__init__(model, table.using, codec, places.slots, places.queue, table.options, lookups)

    @property
    def places(self) -> Places:
        places = super().places
        places.announced = b"historical"  # whatever was forgotten, nothing is announced again
        return places
