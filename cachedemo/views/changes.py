"""What a JSON object asks of a row: values to write, and `{"visits": {"increment": 1}}`."""

import decimal
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import FieldError, ValidationError
from django.db import models

from cachedemo.model_cache import ModelCache
from cachedemo.protocol.field_classes import PLAIN, column_of, converts_itself
from cachedemo.views.problems import unprocessable

INCREMENT = "increment"
NOT_BOTH = "A write sets a field or increments it, and not both."


class Changes(NamedTuple):
    """What a request asks for.

    Attributes:
        fields: name -> value to write.
        increments: name -> what is added.
    """

    fields: dict[str, Any]
    increments: dict[str, Any]


def changes_in(cache: ModelCache, said: Any, *, new: bool = False) -> Changes:
    """Return what a JSON object asks of a row of this cache.

    Args:
        new: whether the row is to be created; then a key that nobody else makes may be named.

    Raises:
        Problem: 422, with a sentence for each field that is invalid.
    """
    if not isinstance(said, dict):
        raise unprocessable({"body": ["This must be a JSON object."]})
    found, errors = Changes({}, {}), {}
    for name, value in said.items():
        try:
            _put(cache, found, name, value, new)
        except FieldError:
            errors[name] = ["There is no such field."]
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise unprocessable(errors)
    if not said:
        raise unprocessable({"body": ["Name at least one field."]})
    return found


def _put(cache: ModelCache, found: Changes, name: str, value: Any, new: bool) -> None:
    pk = cache.table.codec.pk
    field = pk if new and name in (pk.name, pk.attname) and not _is_made(pk) else cache.table.codec.field(name)
    if not _is_plain(cache, field):
        found.fields[name] = _python_value(cache, field, value)
    elif isinstance(value, dict):
        found.increments[name] = _delta(value)
    elif isinstance(value, list):
        raise ValidationError("This takes one value, not a list.")
    else:
        found.fields[name] = _number(column_of(field), value) if isinstance(value, bool | float) else value


def _is_made(pk: models.Field) -> bool:
    """Whether a new row gets a key by itself."""
    return isinstance(pk, models.AutoField) or pk.has_default() or pk.db_default is not models.NOT_PROVIDED


def _number(column: models.Field, value: bool | float) -> Any:
    """Return a JSON number as a client means it: digit by digit, and whole where the column is."""
    if isinstance(column, models.IntegerField) and (isinstance(value, bool) or not value.is_integer()):
        raise ValidationError("This takes a whole number.")
    if isinstance(column, models.DecimalField) and isinstance(value, float):
        return decimal.Decimal(repr(value))
    return value


def _is_plain(cache: ModelCache, field: models.Field) -> bool:
    column = column_of(field)
    return isinstance(column, PLAIN) and not converts_itself(column) and not cache.table.codec.has_own(field)


def _python_value(cache: ModelCache, field: models.Field, value: Any) -> Any:
    """Read a value as a client has it from a read: by the field's own conversion, if it has one."""
    if not cache.table.codec.has_own(field):
        return value
    try:
        return cache.table.codec.parse(field.attname, value)
    except Exception as error:
        raise ValidationError("This is no value of the field.") from error


def _delta(said: Mapping[str, Any]) -> Any:
    """Return what `{"increment": …}` adds; whether the field takes it is for the write to say."""
    if INCREMENT not in said:
        raise ValidationError('This takes a value, or an object {"increment": 1}.')
    if len(said) > 1:
        raise ValidationError(NOT_BOTH)
    number = said[INCREMENT]
    if isinstance(number, bool) or not isinstance(number, int | float | str):
        raise ValidationError("An increment is a number.")
    if isinstance(number, int):
        return number
    try:
        return decimal.Decimal(str(number))
    except decimal.InvalidOperation as error:
        raise ValidationError("An increment is a number.") from error
