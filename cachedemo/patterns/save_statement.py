"""The UPDATE of a save: what it assigns, with what waits for the other fields, and to which rows."""

import copy
from typing import Any

from django.db import models
from django.db.models import Case, Expression, F, Value, When

from cachedemo.protocol import stamps
from cachedemo.protocol.added import added, times_named
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.increments import Changes, steps
from cachedemo.protocol.waiting_fields import Fields

Assigned = tuple[models.Field, Any, Any]  # as Django hands them to an UPDATE: field, None, value


def statement(
    table: CachedTable, rows: Any, mine: list[Assigned], others: list[Assigned], waiting: Fields, stamp: int
) -> tuple[Any, list[Assigned]]:
    """Return the rows that are older than this save, and all that they get.

    Args:
        rows: a queryset of the whole table.
        mine: the cached fields that the save writes.
        others: fields that no cache has.
        waiting: what is carried where the save does not write it.
    """
    named = {field.attname for field, _, _ in mine}
    carried = [_carried(table, name, *each) for name, each in waiting.items() if name not in named]
    stamped: Any = (table.model._meta.get_field(STAMP), None, stamp)
    return rows.filter(stamps.below(stamp)), [*others, *mine, *carried, stamped]


def _carried(table: CachedTable, name: str, stamp: int, value: Any) -> Assigned:
    """Write what waits for a field, unless the row has it or something newer."""
    field = table.codec.fields[name]
    if type(value) is Changes:
        whens = [When(stamps.below(at), then=_then(table, field, *each)) for at, *each in steps(value)]
        return _taking_expressions(field), None, Case(*whens, default=F(name), output_field=field)
    then = Value(table.codec.parse(name, value), output_field=field)
    case = Case(When(stamps.below(stamp), then=then), default=F(name), output_field=field)
    return _taking_expressions(field), None, case


def _taking_expressions(field: models.Field) -> Any:
    """Return the field as the UPDATE's compiler may ask it: the values are prepared inside of the expression.

    A class of a project's own may take whatever it is asked to prepare for a value, and would write down the text of
    the expression, encrypted or not.
    """
    found: Any = copy.copy(field)
    found.get_db_prep_save = lambda value, connection: value
    return found


def _then(table: CachedTable, field: models.Field, value: Any, adds: bool) -> Any:
    value = table.codec.parse(field.attname, value)
    return Added(field, value) if adds else Value(value, output_field=field)


class Added(Expression):
    """A column and what is added to it, as the protocol's own UPDATE has it."""

    def __init__(self, field: models.Field, delta: Any) -> None:
        super().__init__(output_field=field)
        self.delta = delta

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the SQL and its parameters."""
        field = self.output_field
        sql = added(connection, field, connection.ops.quote_name(field.column))
        return sql, [field.get_db_prep_save(self.delta, connection)] * times_named(connection)
