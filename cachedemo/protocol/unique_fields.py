"""Which cached fields the database may refuse because of other rows: write-behind cannot acknowledge those."""

from collections.abc import Mapping

from django.db import models


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
        if isinstance(constraint, models.UniqueConstraint):
            named = constraint.fields and constraint.condition is None
            together |= set(constraint.fields) if named else fields.keys()  # what an expression looks at is not named
    return together
