"""What can be added to a field, and what a row may have in it afterwards."""

import decimal
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import models

from cachedemo.protocol import increments
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Codec, Values
from cachedemo.protocol.field_classes import converts_itself, is_generated
from cachedemo.protocol.increments import Changes, Own, Unknowable
from cachedemo.protocol.values import clean
from cachedemo.protocol.waiting import Enqueued
from cachedemo.protocol.waiting_fields import Fields

Deltas = Mapping[str, Any]  # attname -> what is added: a whole number, or a Decimal

_EXACT = 2**53  # so many of its last place a delta in the queue stays below: Lua counts in doubles


class Addition(NamedTuple):
    """What a write adds to fields, and between which limits they must be afterwards; None for no limit."""

    deltas: Deltas = {}
    least: Any = None
    most: Any = None


NOTHING = Addition()


def addition(codec: Codec, fields: Mapping[str, Any], least: Any = None, most: Any = None) -> Addition:
    """Return what a write is to add.

    Raises:
        FieldError: a field is not one of the cached ones.
        ValidationError: one cannot be added to, or not this; `message_dict` has the reasons by field.
    """
    deltas: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, value in fields.items():
        field = codec.field(name)
        try:
            deltas[field.attname] = _delta(codec, field, value)
        except ValidationError as error:
            errors[name] = error
    errors |= {name: wrong for name, limit in (("min", least), ("max", most)) if (wrong := _why_no_limit(limit))}
    if errors:
        raise ValidationError(errors)
    return Addition(deltas, least, most)


def _why_no_limit(limit: Any) -> str | None:
    is_number = isinstance(limit, int | float | decimal.Decimal) and not isinstance(limit, bool) and limit == limit
    return None if limit is None or is_number else "A limit is a number."


def _delta(codec: Codec, field: models.Field, value: Any) -> Any:
    if not _is_number(codec, field):
        raise ValidationError(
            f"{field.model._meta.label}.{field.name} is no counter: whole numbers and decimals can be incremented.",
            code="counter",
        )
    if isinstance(value, bool) or not isinstance(value, int | decimal.Decimal):
        raise ValidationError("An increment is an int, or a Decimal for a decimal field.", code="invalid")
    if isinstance(field, models.DecimalField):
        return _places_of(field, decimal.Decimal(value))
    if isinstance(value, int):
        return value
    raise ValidationError("An increment of a whole number is an int.", code="invalid")


def _is_number(codec: Codec, field: models.Field) -> bool:
    if is_generated(field) or field.remote_field or converts_itself(field) or codec.has_own(field):
        return False
    return isinstance(field, models.IntegerField | models.DecimalField)


def _places_of(field: Any, delta: decimal.Decimal) -> decimal.Decimal:
    if not delta.is_finite():
        raise ValidationError("Neither NaN nor infinity.", code="unstorable")
    if field.decimal_places is None:
        return delta
    with decimal.localcontext(prec=2000):
        exact = delta.quantize(decimal.Decimal(1).scaleb(-field.decimal_places))
    if exact != delta:
        raise ValidationError(f"No more than {field.decimal_places} decimal places.", code="max_decimal_places")
    return exact


def after(table: CachedTable, shown: Values, added: Addition) -> Values:
    """Return what the fields will show after an increment of what they show now.

    Raises:
        ValidationError: a form would not take one of them, or it is beyond a limit; by field.
    """
    found: Values = {}
    errors: dict[str, Any] = {}
    for name, delta in added.deltas.items():
        field = table.codec.fields[name]
        found[name] = increments.add(shown[name], delta)
        try:
            _check(field, table.codec.parse(name, found[name]), added, table.using)
        except ValidationError as error:
            errors[field.name] = error
    if errors:
        raise ValidationError(errors)
    return found


def _check(field: models.Field, value: Any, added: Addition, using: str) -> None:
    if value is None:
        raise ValidationError("It has no value (NULL) to add to: update() it first.", code="null")
    if added.least is not None and value < added.least:
        raise ValidationError(f"It would be less than {added.least}.", code="min_value")
    if added.most is not None and value > added.most:
        raise ValidationError(f"It would be more than {added.most}.", code="max_value")
    clean(field, value, using)


def why_through(table: CachedTable, added: Addition) -> str:
    """Return why increments cannot wait in the queue, in a few words; empty if they can."""
    if added.least is not None or added.most is not None:
        return "min or max"  # two patterns could each pass the limit
    for name, delta in added.deltas.items():
        field = table.codec.fields[name]
        if name in table.unique_fields:
            return "unique field"
        if field.null:
            return "nullable field"  # NULL is nothing to add to, and only the row's own lock says that it is not NULL
        places = getattr(field, "decimal_places", 0)
        if places is None or abs(decimal.Decimal(delta).scaleb(places)) >= _EXACT:
            return "large increment"
    return ""


def over_base(table: CachedTable, shown: Values, stamp: int, queued: Enqueued, deltas: Deltas) -> Fields:
    """Return what waits for a row as it is to be laid over a base with this stamp.

    Raises:
        Unknowable: the base may have a part of it.
    """
    found: Fields = {}
    for name, (at, value) in queued.pending.items():
        if type(value) is Changes and at > stamp and name in shown:
            own = Own(deltas[name], queued.previous[name]) if name in deltas else None
            value = value.over_base(shown[name], stamp, own)
        found[name] = (at, value)
    return found


__all__ = ["NOTHING", "Addition", "Deltas", "Unknowable", "addition", "after", "over_base", "why_through"]
