"""Which cached fields the database may refuse because of other rows: write-behind cannot acknowledge those."""

from collections.abc import Mapping, Set
from typing import Any

from django.db import models

from cachedemo.protocol.waiting import NotQueued

Values = dict[str, Any]  # attname -> JSON value


def unique_fields(model: type[models.Model], fields: Mapping[str, models.Field]) -> set[str]:
    """Return the names of the fields that are unique, alone or together, or that name another row.

    Args:
        fields: the cached ones, by attname.
    """
    together = _unique_together(model, fields)
    return {
        attname
        for attname, field in fields.items()
        if field.unique or field.remote_field or {field.name, attname} & together
    }


def _unique_together(model: type[models.Model], fields: Mapping[str, models.Field]) -> set[str]:
    together = {name for names in model._meta.unique_together for name in names}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            continue  # it looks at the row itself: checks/constraints.py
        # What an expression or a condition looks at is not named, nor is what PostgreSQL's exclusions look at.
        named = isinstance(constraint, models.UniqueConstraint) and constraint.fields and constraint.condition is None
        together |= set(constraint.fields) if named else fields.keys()  # type: ignore[attr-defined]
    return together


def without_unchanged(fields: Mapping[str, models.Field], unique: Set[str], values: Values, shown: Values) -> Values:
    """Leave unique fields that keep their value out of a queued write, which the database can no longer refuse then.

    Args:
        fields: the cached ones, by attname.
        unique: those of them that are.
        values: what is to be written.
        shown: what the row shows now.

    Raises:
        NotQueued: one of them changes, or nothing is left.
    """
    named = unique & values.keys()
    if not named:
        return values
    rest = {name: value for name, value in values.items() if name not in named}
    changed = {name for name in named if values[name] != shown[name]}
    if changed or not rest:
        only_related = all(fields[name].remote_field for name in changed or named)
        raise NotQueued("foreign key" if only_related else "unique field")
    return rest
