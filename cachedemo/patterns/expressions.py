"""Values that the database computes (`F()` and the like), and which columns they are computed from."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F


def is_expression(value: Any) -> bool:
    """Whether the database computes this value."""
    return hasattr(value, "resolve_expression")


def expressions_of(assigned: Sequence[tuple[Any, Any, Any]]) -> list[Any]:
    """Return the expressions among what an UPDATE assigns: field, None, value each."""
    return [value for _, _, value in assigned if is_expression(value)]


def used_by(expressions: Sequence[Any]) -> set[str]:
    """Return the names of the columns that expressions are computed from."""
    parts = (part for each in expressions for part in (each.flatten() if hasattr(each, "flatten") else [each]))
    return {str(getattr(part, "name", "")) for part in parts if isinstance(part, F)}
