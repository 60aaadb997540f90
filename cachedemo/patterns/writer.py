"""The writes of one model in one pattern: which way each goes, and what comes back."""

from typing import TYPE_CHECKING, Any

from cachedemo.patterns import Pattern, write_behind
from cachedemo.patterns.written import Written
from cachedemo.protocol import database, synchronous
from cachedemo.protocol.codec import Values
from cachedemo.protocol.waiting import Refusal

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache


class Writer:
    """The writes of one model in one pattern."""

    def __init__(self, cache: "ModelCache", pattern: Pattern) -> None:
        self.cache = cache
        self.pattern = pattern

    def update(self, pk: Any, /, **fields: Any) -> Any:
        """Write the named fields, and only these; return the instance with its stamp.

        Raises:
            DoesNotExist: there is no such row.
            InsideTransaction: a transaction is under way.
            FieldError: a field is not one of the cached ones.
            ValidationError: a value does not do.
            IntegrityError, DataError: the source refuses it.
            Unavailable: not acknowledged; the subclass says whether anything was written.
        """
        return self._instance(self.write(pk, fields))

    def write(self, pk: Any, fields: dict[str, Any], *, if_match: str | None = None) -> Written:
        """Do what `update` does, and tell which way the write went.

        Args:
            fields: name -> Python value.
            if_match: an `etag`; the row is written only if it still is what that says. Goes through the source,
                since only there it can be decided in the same step as the write.

        Raises:
            PreconditionFailed: it is not. And all that `update` raises.
        """
        cache, pk = self.cache, self.cache.to_pk(pk)
        database.refuse_inside_transaction(cache.using)
        with database.answering():
            values = cache.codec.clean(fields)
        if self.pattern is Pattern.WRITE_BEHIND:
            return self._write_behind(pk, values, if_match)
        replace = self.pattern is Pattern.WRITE_THROUGH
        return Written(synchronous.update(cache, pk, values, replace=replace, if_match=if_match), self.pattern)

    def _write_behind(self, pk: Any, values: Values, if_match: str | None) -> Written:
        reason = "If-Match"
        if if_match is None:
            try:
                return Written(write_behind.update(self.cache, pk, values), Pattern.WRITE_BEHIND)
            except Refusal as refusal:
                reason = refusal.reason
        entry = synchronous.update(self.cache, pk, values, replace=True, if_match=if_match)
        return Written(entry, Pattern.WRITE_THROUGH, reason)

    def create(self, **fields: Any) -> Any:
        """Insert a row at once, whatever the pattern, and return it; the database hands out its id.

        Raises:
            ValidationError, IntegrityError, DataError: it will not do.
            Unavailable: not acknowledged.
        """
        return self._instance(self.insert(fields))

    def insert(self, fields: dict[str, Any]) -> Written:
        """Do what `create` does, and tell which way it went."""
        database.refuse_inside_transaction(self.cache.using)
        replace = self.pattern is not Pattern.CACHE_ASIDE
        way = Pattern.WRITE_THROUGH if replace else Pattern.CACHE_ASIDE
        return Written(synchronous.create(self.cache, fields, replace=replace), way)

    def delete(self, pk: Any, *, if_match: str | None = None) -> None:
        """Delete a row at once, whatever the pattern, and what cascades from it. It does not come back.

        Raises:
            DoesNotExist: there is no such row.
            PreconditionFailed: it is not what `if_match` says.
            ProtectedError, RestrictedError: other rows need it.
            Unavailable: not acknowledged.
        """
        database.refuse_inside_transaction(self.cache.using)
        synchronous.delete(self.cache, self.cache.to_pk(pk), if_match)

    def _instance(self, written: Written) -> Any:
        codec, entry = self.cache.codec, written.entry
        return codec.instance(codec.decode(entry.body), entry.stamp, self.cache.using)  # type: ignore[arg-type]
