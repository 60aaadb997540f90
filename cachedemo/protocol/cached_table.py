"""One registered model's table, as the steps of the protocol see it: no facade, just what they ask for."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from cachedemo import conf
from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.field_classes import computed_from
from cachedemo.protocol.no_queue import NoQueue
from cachedemo.protocol.no_slots import NoSlots
from cachedemo.protocol.primary_keys import NotHeld
from cachedemo.protocol.row_filter import RowFilter
from cachedemo.protocol.slots import Slots
from cachedemo.protocol.unique_fields import unique_fields
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers import test_runs
from cachedemo.servers.key_prefix import prefix


@dataclass
class Options:
    """What a registration says of times (seconds) and numbers; `ModelCache` has the defaults and what each means."""

    lease_timeout: float
    batch_size: int
    claim_deadline: float
    max_pending: int
    fsync_within: float | None
    max_attempts: int


@dataclass
class _Places:
    """Where rows are cached and writes wait: in the two servers, or nowhere."""

    slots: Slots
    queue: WriteQueue
    announced: bytes | None = None
    announced_in: str = ""  # under which prefix of keys: it is another one for each test of a project


def _nowhere(slots: Slots, queue: WriteQueue, using: str) -> _Places:
    """Return what answers without a server, under the same names."""
    lifetimes = slots.timeout, slots.missing_timeout, slots.lease_ms / 1000
    return _Places(
        NoSlots(slots.name, using, slots.version, *lifetimes), NoQueue(queue.name, slots.version, using=using)
    )


class CachedTable:
    """The rows of one model: how they are written down, where they are cached, where their writes wait.

    Args:
        using: alias of the database that its rows are in.
        manager: name of the one that says which rows there are; None for all.

    Attributes:
        announced: what the queue holds about our version, once this process has announced it; None before, and
            while the version may not be filled.
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
        manager: str | None = None,
    ) -> None:
        self.model = model
        self.using = using
        self.codec = codec
        self.options = options
        self.manager = manager
        self._cached = _Places(slots, queue)
        self._direct = _nowhere(slots, queue, using)

    @property
    def _places(self) -> "_Places":
        return self._cached if conf.is_enabled() and test_runs.needs_servers(self.using) else self._direct

    @property
    def slots(self) -> Slots:
        """Where its rows are cached."""
        return self._places.slots

    @property
    def queue(self) -> WriteQueue:
        """Where its writes wait."""
        return self._places.queue

    @property
    def announced(self) -> bytes | None:
        places = self._places
        return places.announced if places.announced_in == prefix(self.using) else None

    @announced.setter
    def announced(self, record: bytes | None) -> None:
        places = self._places
        places.announced, places.announced_in = record, prefix(self.using)

    @property
    def rows(self) -> "models.QuerySet[Any]":
        """All rows of the database, whatever a manager hides."""
        return models.QuerySet(self.model, using=self.using)

    @property
    def shown_rows(self) -> "models.QuerySet[Any]":
        """Those that there are for reads."""
        return self.rows if self.row_filter is None else self.row_filter.narrow(self.rows)

    @cached_property
    def row_filter(self) -> RowFilter | None:
        """What hides rows from reads."""
        return None if self.manager is None else RowFilter(self.model, self.manager, self.using)

    def with_hidden_rows(self) -> "CachedTable":
        """Return the same table, where nothing hides rows. What is read by it fills no slot."""
        table = copy.copy(self)
        table.row_filter = None
        return table

    def is_hidden_by(self, names: Iterable[str]) -> bool:
        """Whether a value of one of these fields decides which rows there are."""
        return self.row_filter is not None and not self.row_filter.names.isdisjoint(names)

    def shows(self, entry: Entry) -> bool:
        """Ask the database whether a row that reads like this is one that there is."""
        if self.row_filter is None or entry.body is None:
            return True
        values = self.codec.decode(entry.body)
        return self.row_filter.shows({name: self.codec.parse(name, value) for name, value in values.items()})

    @cached_property
    def unique_fields(self) -> set[str]:
        """Cached fields whose values the database may refuse because of other rows."""
        return unique_fields(self.model, self.codec.fields)

    @cached_property
    def sources(self) -> set[str]:
        """Cached fields from which the database computes another cached one."""
        generated = [field for name, field in self.codec.fields.items() if name not in self.codec.written]
        return {name for field in generated for name in computed_from(self.model, field)}

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
        try:
            return self.codec.to_pk(value)
        except NotHeld:
            raise self.missing(value) from None

    def find_pks(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield those of these keys that the column can hold."""
        for value in values:
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
        super().__init__(model, table.using, codec, table._cached.slots, table._cached.queue, table.options)

    @property
    def announced(self) -> bytes | None:
        return b"historical"

    @announced.setter
    def announced(self, record: bytes | None) -> None:
        """Nothing is forgotten, and nothing is announced again."""
