"""Values that the database computes (`F()` and the like), and which cached columns they are computed from."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Field

from cachedemo.protocol.columns_read import names_read
from cachedemo.protocol.field_classes import generated_from


def is_expression(value: Any) -> bool:
    """Whether the database computes this value."""
    return hasattr(value, "resolve_expression")


def expressions_of(assigned: Iterable[tuple[Any, Any, Any]]) -> list[Any]:
    """Return the expressions among what an UPDATE assigns: field, None, value each."""
    return [value for _, _, value in assigned if is_expression(value)]


def read_by(
    expressions: Iterable[Any], fields: Mapping[str, Field], annotations: Mapping[str, Any] | None = None
) -> set[str]:
    """Return which of these fields (by attname) expressions are computed from; all of them where nobody can tell.

    Args:
        annotations: of the queryset that they are for; an expression may name one.
    """
    names = names_read(expressions, annotations)
    if names is None:
        return set(fields)
    for field in fields.values():
        names |= generated_from(field.model, names - fields.keys())
        break
    return {attname for attname, field in fields.items() if not {field.name, attname}.isdisjoint(names)}
