"""A field's value as JSON, and what no database may be able to hold."""

import datetime
import decimal
import json
import math
import re
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.duration import duration_iso_string

# What the database may refuse although the field's own validators let it pass.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(field: models.Field, value: Any) -> Any:
    """Return a value as the database would give it back. Raises ValidationError if it would not take it."""
    if isinstance(value, models.Model) and field.remote_field:
        value = getattr(value, field.target_field.attname)  # type: ignore[attr-defined]
    value = storable(field.clean(value, None))
    if isinstance(field, models.DateTimeField) and settings.USE_TZ and value is not None and timezone.is_naive(value):
        return timezone.make_aware(value, timezone.get_default_timezone())
    if isinstance(field, models.JSONField) and value is not None:
        return _plain(value, field.encoder)
    return value


def _plain(value: Any, encoder: Any) -> Any:
    """Return what JSON gives back of a value. Raises ValidationError if it would not take it."""
    try:
        value = json.loads(json.dumps(value, cls=encoder, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationError(f"Not JSON: {error}", code="invalid") from error
    for text in _texts(value):
        storable(text)
    return value


def _texts(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(part)


def to_json(value: Any) -> Any:
    """Return a field's value as a JSON value, without losing a digit."""
    if value is None or isinstance(value, str | int | float | bool | dict | list):
        return value
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration_iso_string(value)
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"A value of type {type(value).__name__} cannot be cached.")


def storable(value: Any) -> Any:
    """Return the value. Raises ValidationError if no database may be able to hold it."""
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise ValidationError("No null characters and no lone surrogates.", code="unstorable")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationError("Neither NaN nor infinity.", code="unstorable")
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal for the database too.

    In Python 1 is True and 1.0, in JSON it is neither; 0.0 is -0.0; and a project's strings may ignore case.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS) and type(one) is not type(other):
        return False
    if isinstance(one, str) and isinstance(other, str):
        return str.__eq__(one, other)
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


def unchanged(field: models.Field, one: Any, other: Any) -> bool:
    """Whether the database would get the same for two values of a field: a project may compare objects of its own."""
    if not same(one, other) or type(one) is not type(other) or type(one).__module__ in _KNOWN:
        return same(one, other)
    try:
        return same(field.get_prep_value(one), field.get_prep_value(other))
    except (ValidationError, ValueError, TypeError, AttributeError, ArithmeticError):  # the save will tell
        return False


_KNOWN = ("builtins", "datetime", "decimal", "uuid")  # modules whose types compare as the database does

_NUMBERS = (bool, int, float)
