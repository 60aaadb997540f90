"""What a project's own descriptors do: setting one attribute may set several columns, or may be allowed only once."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.base import ModelState

_MODELS = 1000  # that are remembered


def refuse_half(field: models.Field, value: Any, named: Mapping[str, Any]) -> None:
    """Raise ValidationError where a write of this value is half of it, as an amount of money without its currency.

    An instance gets all of it, as from `create()` and before a `save()`. A write names columns, and would leave the
    others as they are.

    Args:
        named: the fields that the write has, by name.
    """
    if field.attname not in _described(field.model):
        return
    if left := [each.name for each in _set_along(field, value) if {each.name, each.attname}.isdisjoint(named)]:
        raise ValidationError(
            f"A value of type {type(value).__name__} belongs in {', '.join(left)} too: name that in the same write, or "
            f"assign it to an instance and save() that.",
            code="several_columns",
        )


def show(instance: models.Model, name: str, value: Any) -> None:
    """Let an instance show another value of a column as if it were loaded just now.

    Some descriptors take a first value only, which the row gives, as one of a state that has methods to change it.
    """
    if name in _described(type(instance)):
        instance.__dict__.pop(name, None)
    setattr(instance, name, value)


@functools.lru_cache(_MODELS)
def _described(model: type[models.Model]) -> frozenset[str]:
    """Return the attnames of the columns that a project's own descriptor stands for."""
    static = {each.attname: type(inspect.getattr_static(model, each.attname)) for each in model._meta.concrete_fields}
    return frozenset(
        name for name, kind in static.items() if hasattr(kind, "__set__") and not kind.__module__.startswith("django.")
    )


def _set_along(field: models.Field, value: Any) -> list[models.Field]:
    """Return the other fields that are set where this one is; none where it cannot be set alone."""
    columns = field.model._meta.concrete_fields
    unset = object()
    instance: Any = field.model.__new__(field.model)
    instance.__dict__.update(dict.fromkeys((each.attname for each in columns), unset), _state=ModelState())
    try:
        setattr(instance, field.attname, value)
    except Exception:  # noqa: BLE001 - whatever a project's own raises; what is wrong with the value is told elsewhere
        return []
    return [each for each in columns if each is not field and instance.__dict__.get(each.attname) is not unset]
