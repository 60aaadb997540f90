"""`bulk_create()` of a registered model: each new row has a stamp, so that nothing older reaches it."""

import functools
import operator
from collections.abc import Callable, Collection
from typing import Any

from django.db import NotSupportedError, models, transaction

from cachedemo.patterns import save_state
from cachedemo.patterns.bulk_update import Named, change_locked
from cachedemo.patterns.expressions import is_expression
from cachedemo.protocol import aliases, bulk_write, database, on_commit, stamps
from cachedemo.protocol.bulk_write import BulkWrite
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.on_commit import Finish

Send = Callable[[], list[Any]]  # Django's own insert

MOST_ALIKE = 500  # rows that are looked for at once: SQLite takes 1,000 conditions in one statement


class BulkInsert:
    """The insert of many instances in one go."""

    def __init__(self, table: CachedTable, using: str, instances: list[Any]) -> None:
        self.table = table
        self.using = using
        self.instances = instances
        self.write = BulkWrite(table, ())
        self._made: dict[int, dict[str, Any]] = {}  # of each instance, what the fields' own `pre_save` have made of it

    def note(self, instance: Any, attname: str, value: Any) -> None:
        """Take note of a value that was made of an instance while it is sent."""
        if not is_expression(value):
            self._made.setdefault(id(instance), {})[attname] = value

    def plainly(self, send: Send) -> list[Any]:
        """Insert all of them or none."""
        with transaction.atomic(self.using, savepoint=False):
            copies = [each for each in self.instances if not aliases.holds_the_row(each, self.using)]
            inserted = self._with_a_stamp(send)
            finish = self._finish(self._keys_of_new_rows())
            for copy in copies:
                save_state.forget(copy)
            for instance in self.instances:
                shown = save_state.shown(instance, self.table) | self._made.get(id(instance), {})
                save_state.saved(instance, shown, finish, self.using)
            return inserted

    def ignoring_conflicts(self, send: Send) -> list[Any]:
        """Insert those that the database takes. Other rows stay as they are, and so does what waits for them."""
        with transaction.atomic(self.using, savepoint=False):
            inserted = self._with_a_stamp(send)
            self._finish(self._keys_by_stamp())
            return inserted

    def updating_conflicts(self, send: Send, update_fields: set[str], unique: Collection[str] | None) -> list[Any]:
        """Insert those that are new, and change the named fields of the others as `update()` does.

        Args:
            unique: names of the fields by which a row is known to be there already.

        Raises:
            NotSupportedError: the database does not take such names (MySQL), so nobody can tell which rows those are.
        """
        if not unique:
            raise NotSupportedError(
                "bulk_create(update_conflicts=True) of a registered model needs unique_fields: use update() for the "
                "rows that are there, and bulk_create() for the others."
            )
        with transaction.atomic(self.using, savepoint=False):
            inserted = self._with_a_stamp(send)
            stamps_now = self._stamps_of_alike(unique)
            self._finish([pk for pk, stamp in stamps_now.items() if stamp == self.write.stamp])
            there = {pk: stamp for pk, stamp in stamps_now.items() if stamp != self.write.stamp}
            restamp = functools.partial(database.restamp, self.table)
            change_locked(self.table, there, self.using, self._named(update_fields), restamp, ours=False)
            return inserted

    def _with_a_stamp(self, send: Send) -> list[Any]:
        before = [getattr(instance, STAMP) for instance in self.instances]
        self.write.take_stamp(floor=max(map(stamps.proper, before)))
        for instance in self.instances:
            setattr(instance, STAMP, self.write.stamp)
        try:
            return send()
        except Exception:
            for instance, stamp in zip(self.instances, before, strict=True):
                setattr(instance, STAMP, stamp)
            raise

    def _finish(self, pks: list[Any]) -> Finish:
        """Empty the slots of the new rows on COMMIT; each is owed from now on."""
        return finish_new_rows(self.table, self.using, pks, self.write.stamp)

    def _keys_of_new_rows(self) -> list[Any]:
        if any(instance.pk is None for instance in self.instances):
            return self._keys_by_stamp()
        return self._keys()

    def _keys_by_stamp(self) -> list[Any]:
        """Find the rows that this very statement has inserted, without being told: it looks at each."""
        return keys_by_stamp(self.table, self.using, self.write.stamp)

    def _stamps_of_alike(self, unique: Collection[str]) -> dict[Any, int]:
        """Find the rows that have the same values in these fields as the instances; return key -> stamp."""
        meta: Any = self.table.model._meta
        names = [(meta.pk if name == "pk" else meta.get_field(name)).attname for name in unique]
        found: dict[Any, int] = {}
        for start in range(0, len(self.instances), MOST_ALIKE):
            alike = _alike(names, self.instances[start : start + MOST_ALIKE])
            rows = self._rows().filter(alike).values_list("pk", STAMP)
            found |= {self.table.pk_of_row(pk): stamp for pk, stamp in rows}
        return found

    def _keys(self) -> list[Any]:
        return [self.table.to_pk(instance.pk) for instance in self.instances]

    def _rows(self) -> Any:
        return self.table.rows.using(self.using)

    def _named(self, names: set[str]) -> Named:
        written = {attname for attname, field in self.table.codec.fields.items() if {field.name, attname} & names}
        return Named(written, written)


def _alike(names: list[str], instances: list[Any]) -> models.Q:
    """Return which rows have the values of these columns; a related instance is not loaded for it."""
    if len(names) == 1:
        return models.Q(**{f"{names[0]}__in": [getattr(instance, names[0]) for instance in instances]})
    return functools.reduce(
        operator.or_, (models.Q(**{name: getattr(each, name) for name in names}) for each in instances)
    )


def keys_by_stamp(table: CachedTable, using: str, stamp: int) -> list[Any]:
    """Return the keys of the rows that have this stamp; the database looks at each row."""
    found = table.rows.using(using).filter(**{STAMP: stamp}).values_list("pk", flat=True)
    return [table.pk_of_row(pk) for pk in found]


def finish_new_rows(table: CachedTable, using: str, pks: list[Any], stamp: int) -> Finish:
    """Empty the slots of rows whose keys are new on COMMIT; each is owed from now on.

    Args:
        stamp: what these rows have.

    Returns:
        One of the finishes, which all come with the same COMMIT.
    """
    finish = BulkWrite(table, ()).as_finish()
    for some in in_chunks(pks, bulk_write.PIECE):
        write = BulkWrite(table, some)
        write.take_stamp(floor=stamp)
        write.stamp = stamp
        finish = write.as_finish()
        on_commit.finish_first(using, finish)
    return finish
