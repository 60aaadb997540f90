"""Which rows there are for reads: those that the registration's manager shows, by its WHERE. Its soft delete, mostly.

The WHERE is looked at once, when the model is registered, and then put into the statements that load a row. It may only
look at columns of the row itself: then no row is hidden or shown again without a write of that row.
"""

import copy
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Self

from django.core.exceptions import FullResultSet, ImproperlyConfigured
from django.db import models
from django.db.models import Value
from django.db.models.expressions import Col
from django.db.models.sql import AND, Query
from django.db.models.sql.where import WhereNode

from cachedemo.protocol.codec import Codec
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.manager_conditions import condition_of, parts_of

SINGLE = "single"  # as Django's compiler has it: one row


class RowFilter:
    """The WHERE of a manager.

    Attributes:
        names: the columns that it names, by attname.
    """

    def __init__(self, model: type[models.Model], manager: str, using: str) -> None:
        self._model = model
        self._manager = manager
        self._using = using
        self._where: WhereNode = condition_of(model, manager, using)
        self._columns = [part for part in parts_of(self._where) if isinstance(part, Col)]
        self.names: set[str] = {column.target.attname for column in self._columns}

    def narrow(self, rows: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        """Return those of these rows that it shows.

        Raises:
            ImproperlyConfigured: the manager says something else by now. What it hides depends on who asks, or when.
        """
        if condition_of(self._model, self._manager, self._using) != self._where:
            raise ImproperlyConfigured(
                f"The manager {self._manager!r} of {self._model._meta.label} has another WHERE than when the model was "
                f"registered. Every read shares the cache, so what it hides must not depend on who asks or when: name "
                f"a manager in the registration that filters by columns and constants only."
            )
        rows = rows.all()
        rows.query.get_initial_alias()
        rows.query.where.add(self._where.clone(), AND)
        return rows

    def sql(self, compiler: Any) -> tuple[str, list[Any]]:
        """Return it for a statement of our own, with its parameters; nothing where it hides no row."""
        try:
            sql, parameters = compiler.compile(self._where)
        except FullResultSet:
            return "", []
        return f" AND ({sql})", list(parameters)

    def shows(self, values: Mapping[str, Any]) -> bool:
        """Ask the database whether it would show a row with these values (attname -> Python value)."""
        told = {each: Value(values[each.target.attname], output_field=each.output_field) for each in self._columns}
        query = Query(None)
        query.add_annotation(Value(1), "shown")
        query.where = self._where.replace_expressions(told)
        return query.get_compiler(using=self._using).execute_sql(SINGLE) is not None


class HidesRows:
    """The rows of a table, and those that there are for reads."""

    model: type[models.Model]
    using: str
    codec: Codec
    manager: str | None

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

    def with_hidden_rows(self) -> Self:
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
