"""Tables whose `cache_stamp` is still to come while `migrate` runs: read and written as if there were no cache.

A migration that imports a model, instead of asking for it by `apps.get_model()`, has the model of today and the table
of its time. In Django that works as long as it names no column of later. So nobody names `cache_stamp` either until the
migration that adds it has run; and no row can be in the cache before.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import connections, models

from cachedemo.protocol.codec import STAMP

# Name and alias of those that had no stamp when they were last looked at, or that `migrate` may take it from -> whether
# it may.
_tables: dict[tuple[str, str], bool] = {}

T = TypeVar("T")


def look_at(model: type[models.Model], using: str, *, backwards: bool = False) -> None:
    """Note whether the table of a registered model has its stamp: `migrate` is about to begin.

    Args:
        backwards: whether it may take the stamp away.
    """
    name = model._meta.db_table
    if backwards or not _has_the_stamp(name, using):
        _tables[name, using] = backwards


def look_again(model: type[models.Model], using: str) -> None:
    """Do the same once `migrate` has ended: nothing is taken away any more."""
    place = (model._meta.db_table, using)
    if place in _tables:
        _tables[place] = False
        _is_unmigrated(*place)


def is_unmigrated(model: type[models.Model], using: str) -> bool:
    """Whether the table of a registered model has no stamp yet; no database is asked of one that had it before."""
    return bool(_tables) and _is_unmigrated(model._meta.db_table, using)


def without_the_stamp(rows: Any) -> Any:
    """Return a queryset that does not select the stamp, where the table has none in one of the databases."""
    name = rows.model._meta.db_table
    if any(_is_unmigrated(table, using) for table, using in tuple(_tables) if table == name):
        return rows.defer(STAMP)
    return rows


def columns_there(columns: Iterable[T], using: str, field: Callable[[T], Any]) -> list[T]:
    """Return the columns of a statement but for the stamp of a table that has none.

    Args:
        field: gives the field of a column.
    """
    found = list(columns)
    if _tables:
        stamps = [each for each in found if field(each).attname == STAMP]
        return [each for each in found if each not in stamps or not is_unmigrated(field(each).model, using)]
    return found


def _is_unmigrated(name: str, using: str) -> bool:
    if (name, using) not in _tables:
        return False
    if not connections[using].needs_rollback and _has_the_stamp(name, using):
        if not _tables.get((name, using)):
            _tables.pop((name, using), None)  # another thread may have done so
        return False
    return True


def _has_the_stamp(name: str, using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        if name not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, name)
    return any(column.name == STAMP for column in columns)
