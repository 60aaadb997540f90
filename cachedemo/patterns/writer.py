"""The writes of one model in one pattern: which way each goes, and what comes back."""

from types import ModuleType
from typing import Any

from cachedemo.patterns import Pattern, cache_aside, write_behind, write_through
from cachedemo.patterns.written import Written
from cachedemo.protocol import answering, synchronous, transactions, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.waiting import NotQueued


class Writer:
    """The writes of one model in one pattern."""

    def __init__(self, table: CachedTable, pattern: Pattern) -> None:
        self.table = table
        self.pattern = pattern

    def update(self, pk: Any, /, **fields: Any) -> Any:
        """Write the named fields, and only these; return the instance with its stamp.

        Raises:
            DoesNotExist: there is no such row.
            InsideTransaction: a transaction is under way.
            FieldError: a field is not one of the cached ones.
            ValidationError: a value is invalid.
            DatabaseError: the database refuses it; IntegrityError and DataError, or what a trigger's class is.
            VersionConflict: our version is live with other fields.
            Unavailable: not acknowledged; the subclass says whether anything was written.
        """
        return self._instance(self.write(pk, fields))

    def write(self, pk: Any, fields: dict[str, Any], *, if_match: str | None = None) -> Written:
        """Do what `update` does, and tell which way the write went.

        Args:
            fields: name -> Python value.
            if_match: an `etag`; the row is written only if it still is what that says, whatever the pattern.

        Raises:
            PreconditionFailed: it is not. And all that `update` raises.
        """
        table, pk = self.table, self.table.to_pk(pk)
        transactions.refuse_inside_transaction(table.using)
        with answering.answering():
            values = table.codec.clean(fields)
        if self.pattern is Pattern.WRITE_BEHIND:
            return self._behind_or_through(pk, values, if_match)
        pattern, way = self._synchronous()
        return Written(way.update(table, pk, values, if_match), pattern)

    def _behind_or_through(self, pk: Any, values: Values, if_match: str | None) -> Written:
        try:
            return Written(write_behind.update(self.table, pk, values, if_match), Pattern.WRITE_BEHIND)
        except NotQueued as refused:
            entry = write_through.update(self.table, pk, values, if_match)
            return Written(entry, Pattern.WRITE_THROUGH, refused.reason)

    def create(self, **fields: Any) -> Any:
        """Insert a row at once, whatever the pattern, and return it; the database hands out its id.

        Raises:
            ValidationError, DatabaseError: a value is invalid, or the database refuses it.
            VersionConflict: our version is live with other fields.
            Unavailable: not acknowledged.
        """
        return self._instance(self.insert(fields))

    def insert(self, fields: dict[str, Any]) -> Written:
        """Do what `create` does, and tell which way it went."""
        transactions.refuse_inside_transaction(self.table.using)
        pattern, way = self._synchronous()
        return Written(way.create(self.table, fields), pattern)

    def delete(self, pk: Any, *, if_match: str | None = None) -> None:
        """Delete a row at once, whatever the pattern, and what cascades from it. It does not come back.

        Raises:
            DoesNotExist: there is no such row.
            PreconditionFailed: it is not what `if_match` says.
            ProtectedError, RestrictedError: other rows need it.
            VersionConflict: our version is live with other fields.
            Unavailable: not acknowledged.
        """
        transactions.refuse_inside_transaction(self.table.using)
        versions.refuse_conflict(self.table)
        synchronous.delete(self.table, self.table.to_pk(pk), if_match)

    def _instance(self, written: Written) -> Any:
        with taken("queue" if written.pattern is Pattern.WRITE_BEHIND else "database"):
            return self.table.instance(written.entry)

    def _synchronous(self) -> tuple[Pattern, ModuleType]:
        """Return the way of a write that cannot wait in the queue, and the module that goes it."""
        versions.refuse_conflict(self.table)
        if self.pattern is Pattern.CACHE_ASIDE:
            return Pattern.CACHE_ASIDE, cache_aside
        return Pattern.WRITE_THROUGH, write_through
