"""The writes of one model in one pattern: which way each goes, and what comes back."""

from types import ModuleType
from typing import Any

from cachedemo.patterns import Pattern, cache_aside, write_behind, write_through
from cachedemo.patterns.async_twins import AsyncWrites
from cachedemo.patterns.of_model import M
from cachedemo.patterns.written import Written
from cachedemo.protocol import answering, synchronous, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
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

    def write(self, pk: Any, fields: dict[str, Any], *, if_match: str | None = None) -> Written:
        """Do what `update` does, and tell which way the write went.

        Args:
            fields: name -> Python value.
            if_match: an `etag`; the row is written only if it still is what that says, whatever the pattern.

        Raises:
            PreconditionFailed: it is not. And all that `update` raises.
        """
        table, pk = self.table, self.table.find_pk(pk)
        self._begin()
        with answering.answering():
            values = table.codec.clean(fields)
        if self.pattern is Pattern.WRITE_BEHIND:
            return write_behind.behind_or_through(table, pk, values, if_match)
        pattern, way = self._synchronous()
        return Written(way.update(table, pk, values, if_match), pattern)

    def create(self, **fields: Any) -> M:
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
        self._begin()
        pattern, way = self._synchronous()
        return Written(way.create(self.table, fields), pattern)

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
        synchronous.delete(self.table, self.table.find_pk(pk), if_match)

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
