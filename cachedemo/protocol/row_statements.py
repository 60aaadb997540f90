"""What is the same in all statements of one row by its key, found once for each table.

To have Django's compiler make such a SELECT takes longer than SQLite takes to answer it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db import connections, models

from cachedemo.protocol.codec import STAMP, Codec


class RowStatements:
    """The statements of one table.

    Attributes:
        columns: the fields that are read: the key, the stamp, the cached ones.
        update: the UPDATE that names all of them, once somebody has made it; increments make others.
    """

    def __init__(self, model: type[models.Model], using: str, codec: Codec) -> None:
        self._model, self._using = model, using
        self.columns: list[Any] = [model._meta.pk, model._meta.get_field(STAMP), *codec.fields.values()]
        self.update = ""

    @cached_property
    def select(self) -> tuple[str, list[Any]]:
        """The SELECT of a row, and those of its parameters that come before the key.

        Each column is named with its table: of one that is gone, SQLite takes the name alone for a text.
        """
        columns, parameters = self._selected
        pk, _ = self._compiler().compile(self._columns_of_table[0])
        table = connections[self._using].ops.quote_name(self._model._meta.db_table)
        return f"SELECT {columns} FROM {table} WHERE {pk} = %s", parameters

    @cached_property
    def returning(self) -> tuple[str, list[Any]]:
        """What has an UPDATE give the row back, in the same form, and its parameters, which come last."""
        columns, parameters = self._selected
        return f" RETURNING {columns}", parameters

    @cached_property
    def _selected(self) -> tuple[str, list[Any]]:
        """The columns as their fields have them selected, and the parameters of that."""
        compiler = self._compiler()
        named = [column.select_format(compiler, *compiler.compile(column)) for column in self._columns_of_table]
        return ", ".join(sql for sql, _ in named), [each for _, given in named for each in given]

    def converted(self, row: Sequence[Any]) -> Sequence[Any]:
        """Return a row that the database has given back, as the fields have it."""
        if not self._converters:
            return row
        values, connection = list(row), connections[self._using]
        for place, convert, column in self._converters:
            values[place] = convert(values[place], column, connection)
        return values

    @cached_property
    def _converters(self) -> list[tuple[int, Any, Any]]:
        found = self._compiler().get_converters(self._columns_of_table)
        return [(place, convert, column) for place, (each, column) in found.items() for convert in each]

    @cached_property
    def _columns_of_table(self) -> list[Any]:
        return [field.get_col(self._model._meta.db_table) for field in self.columns]

    def _compiler(self) -> Any:
        return models.QuerySet(self._model).query.get_compiler(self._using)
