"""The SQL of an increment: a column and what is added to it, which no database may turn into something else."""

from typing import Any

from django.db import models
from django.db.models import DecimalField

# SQLite makes a float of a whole number that is too large, and keeps decimals as floats: it refuses what is beyond the
# column's range with this, an error that it raises for every row.
_TOO_LARGE = "ABS({column} * 0 - 9223372036854775807 - 1)"


def added(connection: Any, field: models.Field, column: str) -> str:
    """Return what adds a parameter to a column; the parameter stands in it `times_named` times."""
    if connection.vendor != "sqlite":
        return f"{column} + %s"
    low, high = range_of(connection, field)
    places = getattr(field, "decimal_places", None)
    total = f"ROUND({column} + %s, {places})" if places is not None else f"{column} + %s"
    return f"CASE WHEN {total} BETWEEN {low} AND {high} THEN {total} ELSE {_TOO_LARGE.format(column=column)} END"


def times_named(connection: Any) -> int:
    """Return how often the statement names the parameter."""
    return 2 if connection.vendor == "sqlite" else 1


def range_of(connection: Any, field: models.Field) -> tuple[Any, Any]:
    """Return the smallest and the largest number that a column may hold, as SQL has them."""
    if isinstance(field, DecimalField):
        digits = field.max_digits - (field.decimal_places or 0)
        most = f"{'9' * digits or '0'}.{'9' * (field.decimal_places or 0)}"
        return f"-{most}", most
    low, high = connection.ops.integer_field_range(field.get_internal_type())
    return low, high
