"""A QuerySet and a Manager whose bulk methods take the protocol's steps: afterwards no read of the cache is old.

`register` puts the manager in the place of the ones that Django makes by itself: see
`model_classes/automatic_managers.py`. A manager of your own takes the steps if it inherits from `CachedManager`, or is
made with `CachedManager.from_queryset(...)`.
"""

import functools
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import models, transaction

from cachedemo.patterns import bulk_insert, bulk_update, save_state
from cachedemo.patterns.bulk_update import Named
from cachedemo.patterns.expressions import is_expression, read_by
from cachedemo.patterns.of_model import M
from cachedemo.protocol import aliases, on_commit, transactions, unmigrated
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.inserted_values import InsertingQuerySet
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.round_trips import try_instance, try_named
from cachedemo.registry import find_cache


class CachedQuerySet(InsertingQuerySet[M]):
    """Django's own, for a registered model; for any other model it is Django's own and nothing else.

    A filter sees the database, not what waits in the queue. `delete()` needs nothing: it sends signals.
    """

    def update(self, **values: Any) -> int:
        """Change the rows as Django does, and empty their slots on COMMIT; what waits for other fields is kept.

        Raises:
            UnknownFieldWaiting, QueueUnavailable: nothing was written. And all that Django raises.
            ValidationError: a value of a project's own field does not lead back to itself; nothing was written.
        """
        table = self._table()
        renames = table is not None and not {table.codec.pk.name, table.codec.pk.attname}.isdisjoint(values)
        named = Named((), ()) if table is None else _named(table, values, self.query.annotations)
        if table is None or not (renames or named.written or named.read):
            return super().update(**values)
        values.pop(STAMP, None)
        super(CachedQuerySet, self.none()).update(**values)  # refuses what Django refuses, before there is a step
        try_named(table.codec.own_codecs, self.model, values)

        def send(rows: models.Q, stamp: Any) -> int:
            changed = super(CachedQuerySet, self._only(rows)).update(**values, **{STAMP: stamp})
            if renames:
                new = bulk_insert.keys_by_stamp(table, self.db, stamp)
                bulk_insert.finish_new_rows(table, self.db, new, stamp)
            return changed

        changed = bulk_update.change(table, self.all(), self.db, named, send)
        self._result_cache = None
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Change these fields of each instance as Django does, by `update()`; what was written counts as loaded."""
        objs, fields = tuple(objs), tuple(fields)
        table = self._table(for_write=True)
        if table is None or any(instance.pk is None for instance in objs):
            return super().bulk_update(objs, fields, batch_size)
        super().bulk_update((), fields, batch_size)  # refuses what Django refuses, before there is a transaction
        for instance in objs:
            try_instance(table.codec.own_codecs, instance, fields)
        with transaction.atomic(self.db, savepoint=False):
            changed = super().bulk_update(objs, fields, batch_size)
            self._count_as_saved(table, objs, fields)
        return changed

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Any]:
        """Insert the instances as Django does, each with a stamp; their slots are emptied on COMMIT.

        Raises:
            NotSupportedError: `update_conflicts` without `unique_fields`.
            Exception: what Django raises.
        """
        plain, rows = super().bulk_create, list(objs)
        conflicts: Any = (ignore_conflicts, update_conflicts, update_fields, unique_fields)
        table = self._table(for_write=True)
        if table is None or not rows:
            return plain(rows, batch_size, *conflicts)
        plain((), batch_size)
        transactions.refuse_manual_transactions(self.db)
        for instance in rows:
            try_instance(table.codec.own_codecs, instance, raw=False)
        transactions.trip(self.db)
        insert = bulk_insert.BulkInsert(table, self.db, rows)
        self.codec, self.note = table.codec, insert.note
        if ignore_conflicts:
            return insert.ignoring_conflicts(lambda: plain(rows, batch_size, *conflicts))
        if update_conflicts:
            return insert.updating_conflicts(
                lambda: plain(rows, batch_size, *conflicts), set(update_fields or ()), unique_fields
            )
        return insert.plainly(lambda: plain(rows, batch_size))

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def _table(self, for_write: bool = True) -> CachedTable | None:
        """Return the table whose steps a write by this queryset must take, None if there is none."""
        self._for_write = for_write
        cache = find_cache(self.model, self.db)
        return None if cache is None else cache.table

    def _only(self, found: models.Q) -> "CachedQuerySet":
        """Return the rows that this condition finds, whatever this queryset's filter says of them by now.

        What is annotated may be needed by the values, and what is ordered by the database (MySQL).
        """
        rows: CachedQuerySet = self.all()
        if not self.query.annotations:
            rows = CachedQuerySet(self.model, using=self.db).order_by(*self.query.order_by)
        rows.query.where = rows.query.where.__class__()
        return rows.filter(found)

    def _count_as_saved(self, table: CachedTable, objs: Iterable[Any], fields: Iterable[str]) -> None:
        finish = Finish(table, (), lambda: None)
        on_commit.finish_first(self.db, finish)
        attnames = [self.model._meta.get_field(name).attname for name in fields]  # type: ignore[union-attr]
        for instance in (each for each in objs if aliases.holds_the_row(each, self.db)):
            values = {name: instance.__dict__[name] for name in attnames if name in instance.__dict__}
            known = {name: value for name, value in values.items() if not is_expression(value)}
            save_state.saved(instance, known, finish, self.db, attnames)


def _named(table: CachedTable, values: dict[str, Any], annotations: Mapping[str, Any]) -> Named:
    fields = table.codec.fields
    written = {name for name, field in fields.items() if not {field.name, name}.isdisjoint(values)}
    expressions = [value for value in values.values() if is_expression(value)]
    return Named(() if expressions else written, written, read_by(expressions, fields, annotations))


if TYPE_CHECKING:  # mypy makes Any of a class whose base is made by a call

    class _Manager(models.Manager[M]):
        def get_queryset(self) -> CachedQuerySet[M]: ...

else:
    _Manager = models.Manager.from_queryset(CachedQuerySet)


class CachedManager(_Manager[M]):
    """The manager of `CachedQuerySet`. It never appears in a migration.

    A class that inherits from another app's manager besides makes querysets that are of that app's class, too: what
    they do otherwise, as hiding rows instead of deleting them, must not get lost. So do those that the other manager's
    own `get_queryset()` makes, of whatever class it names.
    """

    def get_queryset(self) -> CachedQuerySet[M]:
        """Select what Django selects, but for the stamp of a table that is still to be migrated."""
        rows: Any = unmigrated.without_the_stamp(super().get_queryset())
        if not isinstance(rows, CachedQuerySet) and isinstance(rows, models.QuerySet):
            rows.__class__ = _beside(type(rows))
        return rows

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the querysets of a manager that is inherited besides take the steps."""
        super().__init_subclass__(**options)
        if "_queryset_class" not in vars(cls):
            made = [vars(each)["_queryset_class"] for each in cls.__mro__ if "_queryset_class" in vars(each)]
            cls._queryset_class = _one_class(cls, made)  # type: ignore[attr-defined]


@functools.cache
def _beside(kind: type[models.QuerySet[Any]]) -> type[Any]:
    """Return a class for querysets that do what these do and take the steps too."""

    def reduced(self: Any, protocol: Any) -> Any:  # by its name pickle would find the other class
        return _empty, (kind,), self.__getstate__()

    named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__reduce_ex__": reduced}
    return type(kind.__name__, (kind, CachedQuerySet), named)


def _empty(kind: type[models.QuerySet[Any]]) -> Any:
    made: Any = _beside(kind)
    return made.__new__(made)


def _one_class(manager: type[models.Manager[Any]], made: list[type[Any]]) -> type[Any]:
    """Return one class for the querysets of all the managers that this one inherits from.

    What an app changes goes first: it ends in a call of Django's own method, and that is to be ours.
    """
    kinds = list(dict.fromkeys(made))
    bases = [kind for kind in kinds if not any(issubclass(each, kind) for each in kinds if each is not kind)]
    if len(bases) == 1:
        return bases[0]
    bases.sort(key=lambda each: issubclass(each, CachedQuerySet))
    named = {"__module__": manager.__module__, "__qualname__": f"{manager.__qualname__}._queryset_class"}  # for pickle
    return type("_queryset_class", tuple(bases), named)
