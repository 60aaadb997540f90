"""The writes of one model in one pattern: which way each goes, and what comes back."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from django.core.exceptions import FieldError

from cachedemo.patterns import Pattern, cache_aside, database_many, latency, many_rows, write_behind, write_through
from cachedemo.patterns.async_twins import AsyncWrites
from cachedemo.patterns.of_model import M
from cachedemo.patterns.written import Written
from cachedemo.protocol import answering, counters, synchronous, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.servers import test_runs


class Writer(AsyncWrites[M]):
    """The writes of one model in one pattern."""

    def __init__(self, table: CachedTable, pattern: Pattern) -> None:
        self.table = table
        self.pattern = pattern

    def update(self, pk: Any, /, **fields: Any) -> M:
        """Write the named fields, and only these; return the instance with its stamp.

        Raises:
            DoesNotExist: there is no such row.
            InsideTransaction: a transaction is under way.
            FieldError: a field is not one of the cached ones.
            ValidationError: a value is invalid, or `pk` cannot be a primary key.
            DatabaseError: the database refuses it; IntegrityError and DataError, or what a trigger's class is.
            VersionConflict: our version is live with other fields.
            Unavailable: not acknowledged; the subclass says whether anything was written.
        """
        instance: M = self._instance(self.write(pk, fields))
        return instance

    def update_many(self, rows: Mapping[Any, Mapping[str, Any]], /) -> dict[Any, M]:
        """Write the named fields of many rows, as in `update_many({1: {"name": "Al"}, 2: {"name": "Bea"}})`.

        Return an instance for each row that exists, under its key as the database has it. All rows are validated
        before anything is written. What goes to the database goes in one transaction, all of it or none.

        Args:
            rows: key -> name -> value; any number.

        Raises:
            ValidationError, FieldError: as `update`; a note on it says in which row.
            OutcomeUnknown: any of them may have been written or not.
            Exception: what else `update` raises, but DoesNotExist.
        """
        self._begin()
        wanted = many_rows.cleaned(self.table, rows)
        if self.pattern is Pattern.WRITE_BEHIND:
            entries = many_rows.update_behind(self.table, wanted, self._update_many_at_once)
        else:
            entries = self._update_many_at_once(wanted)
        with taken("queue" if self.pattern is Pattern.WRITE_BEHIND else "database"):
            return {pk: self.table.instance(entries[pk]) for pk in wanted if pk in entries}

    def _update_many_at_once(self, rows: many_rows.Rows) -> dict[Any, Entry]:
        if not rows:
            return {}
        pattern, _ = self._synchronous()
        return database_many.update(self.table, rows, fills=pattern is Pattern.WRITE_THROUGH)

    def create_many(self, rows: Iterable[Mapping[str, Any]], /) -> list[M]:
        """Insert many rows at once, whatever the pattern, all of them or none; return them in their order.

        All are validated before anything is written. As `bulk_create()` it sends no `pre_save` and `post_save`.

        Args:
            rows: name -> value of each; any number.

        Raises:
            ValidationError, TypeError: as `create`; a note on it says in which row.
            Exception: what else `create` raises.
        """
        self._begin()
        instances = many_rows.valid_instances(self.table, rows)
        pattern, _ = self._synchronous()
        entries = database_many.create(self.table, instances, fills=pattern is Pattern.WRITE_THROUGH)
        with taken("database"):
            return [self.table.instance(entry) for entry in entries]

    def increment(
        self, pk: Any, deltas: Mapping[str, Any] | None = None, /, *, min: Any = None, max: Any = None, **more: Any
    ) -> M:
        """Add to fields, whatever others add or write meanwhile; return the instance with its stamp.

        `increment(1, visits=1)`, `increment(1, {"stock": -2}, min=0)`. Fields are whole numbers or decimals. With a
        limit it goes through the database, whatever the pattern.

        Args:
            deltas: name -> what is added, an int or a Decimal. A field named `min` or `max` can only stand here, and
                where there is one limits are taken beside a dict only.
            min: what each of the fields must be at least, afterwards.
            max: what it must be at most.
            more: as `deltas`.

        Raises:
            ValidationError: a field cannot be added to, has no value (NULL), or would be what a form does not take or
                what is beyond a limit; nothing was written. And all that `update` raises.
        """
        added = {**(deltas or {}), **more}
        if deltas is None and (name := self._field_named_as_a_limit(min=min, max=max)):
            raise FieldError(
                f"{name}= is a limit, and {self.table.model._meta.label} has a field of that name: name what is added "
                f"in a dict, as in increment(pk, {{{name!r}: 1}}), and limits beside it."
            )
        if not added:
            raise FieldError("An increment names at least one field.")
        instance: M = self._instance(self.write(pk, {}, increments=added, least=min, most=max))
        return instance

    def write(
        self,
        pk: Any,
        fields: dict[str, Any],
        *,
        if_match: str | None = None,
        increments: Mapping[str, Any] | None = None,
        least: Any = None,
        most: Any = None,
    ) -> Written:
        """Do what `update` and `increment` do, in one step, and tell which way the write went.

        Args:
            fields: name -> Python value.
            if_match: an `etag`; the row is written only if it still is what that says, whatever the pattern.
            increments: name -> what is added; no field that is in `fields` too.
            least: what each of the incremented fields must be at least, afterwards.
            most: what it must be at most.

        Raises:
            PreconditionFailed: it is not. And all that `update` raises.
        """
        with latency.measured(self.table) as acknowledged:
            return acknowledged(self._write(pk, fields, if_match, increments, least, most))

    def _write(
        self,
        pk: Any,
        fields: dict[str, Any],
        if_match: str | None,
        increments: Mapping[str, Any] | None,
        least: Any,
        most: Any,
    ) -> Written:
        table, pk = self.table, self.table.find_pk(pk)
        self._begin()
        with answering.answering():
            values = table.codec.clean(fields) if fields or not increments else {}
            added = counters.addition(table.codec, increments, least, most) if increments else counters.NOTHING
        if twice := values.keys() & added.deltas.keys():
            raise FieldError(f"A write sets a field or increments it, and not both: {', '.join(sorted(twice))}.")
        if self.pattern is Pattern.WRITE_BEHIND:
            return write_behind.behind_or_through(table, pk, values, if_match, added)
        pattern, way = self._synchronous()
        return Written(way.update(table, pk, values, if_match, added), pattern)

    def create(self, /, **fields: Any) -> M:
        """Insert a row at once, whatever the pattern, and return it; the database hands out its id.

        Raises:
            InsideTransaction: a transaction is under way.
            TypeError: the model has no such field.
            ValidationError, DatabaseError: a value is invalid, or the database refuses it.
            VersionConflict: our version is live with other fields.
            Unavailable: not acknowledged.
        """
        instance: M = self._instance(self.insert(fields))
        return instance

    def insert(self, fields: dict[str, Any]) -> Written:
        """Do what `create` does, and tell which way it went."""
        with latency.measured(self.table) as acknowledged:
            self._begin()
            pattern, way = self._synchronous()
            return acknowledged(Written(way.create(self.table, fields), pattern))

    def delete(self, pk: Any, *, if_match: str | None = None) -> None:
        """Delete a row at once, whatever the pattern, and what cascades from it. It does not come back.

        Raises:
            DoesNotExist: there is no such row.
            PreconditionFailed: it is not what `if_match` says.
            InsideTransaction: a transaction is under way.
            ProtectedError, RestrictedError: other rows need it.
            VersionConflict: our version is live with other fields.
            DatabaseError: the database refuses it.
            Unavailable: not acknowledged.
        """
        self._begin()
        versions.refuse_conflict(self.table)
        with latency.measured_as(latency.DELETE):
            synchronous.delete(self.table, self.table.find_pk(pk), if_match)

    def _field_named_as_a_limit(self, **limits: Any) -> str | None:
        names = {field.name for field in self.table.codec.fields.values()}
        return next((name for name, limit in limits.items() if limit is not None and name in names), None)

    def _begin(self) -> None:
        transactions.refuse_inside_transaction(self.table.using)
        test_runs.use_servers(self.table.using)

    def _instance(self, written: Written) -> Any:
        with taken("queue" if written.pattern is Pattern.WRITE_BEHIND else "database"):
            return self.table.instance(written.entry)

    def _synchronous(self) -> tuple[Pattern, ModuleType]:
        """Return the way of a write that cannot wait in the queue, and the module that goes it."""
        versions.refuse_conflict(self.table)
        if self.pattern is Pattern.CACHE_ASIDE:
            return Pattern.CACHE_ASIDE, cache_aside
        return Pattern.WRITE_THROUGH, write_through
