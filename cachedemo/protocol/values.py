"""A field's value as the database gives it back, whatever was passed, and what no database may be able to hold."""

import datetime
import decimal
import json
import math
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import connections, models
from django.db.models.expressions import Col
from django.utils import timezone
from django.utils.duration import duration_iso_string

from cachedemo.protocol import cleaning, postgres_values
from cachedemo.protocol.field_classes import column_of, converts_itself, is_generated

# What the database may refuse although the field's own validators let it pass.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_LONGEST = 2**63 // 1_000_000  # seconds: most databases keep a duration as microseconds in 64 bits
_TO_COLUMN = {"get_prep_value", "get_db_prep_value", "get_db_prep_save"}
_DIGITS, _PLACES = 131_072, 16_383  # of a number in PostgreSQL, before its point and after it
_WHOLE_FROM = 1e16  # from here on a database that keeps JSON as numbers writes a float as a whole number


def clean(field: models.Field, value: Any, using: str) -> Any:
    """Return a value as the database `using` would give it back. Raises ValidationError if it would not take it."""
    refuse_what_no_write_takes(field, value)
    if isinstance(value, models.Model) and field.remote_field:
        value = getattr(value, field.target_field.attname)  # type: ignore[attr-defined]
    if value is None and field.null:
        with cleaning.naming(field, value):  # whatever a form asks of those who fill it in: the column is for NULL
            return _as_the_column_has_none(field, None, using)
    if isinstance(value, File):
        value = _name_of(value)
    value = cleaning.cleaned(field, value, using)
    with cleaning.naming(field, value):
        return _as_the_column_has_none(field, normalised(field, value), using)


def _as_the_column_has_none(field: models.Field, value: Any, using: str) -> Any:
    """Return a value; one that is None or empty as the column has it, of a class that says NULL in another way.

    Raises:
        ValidationError: it would be NULL, which the column does not take.
    """
    is_none = value is None or (isinstance(value, str | list | dict) and not value)
    if not is_none or not converts_itself(column := column_of(field)) & _TO_COLUMN:
        return value
    connection = connections[using]
    found = column.get_db_prep_save(value, connection)
    if found is None and not field.null:
        raise ValidationError(field.error_messages["null"], code="null")
    if found is None or value is not None:
        return None if found is None else value
    is_read_by_itself = hasattr(column, "from_db_value")
    return column.from_db_value(found, Col("", column), connection) if is_read_by_itself else column.to_python(found)


def refuse_what_no_write_takes(field: models.Field, value: Any) -> None:
    """Raise ValidationError for a value that only the database can compute, and for a field that it computes itself."""
    if (expression := _expression_in(value)) is not None:
        raise ValidationError(
            f"{field.model._meta.label}.{field.name} takes a value, and {type(expression).__name__} is an expression "
            f"for the database: increment() adds to a number; else assign it to an instance and save() that inside "
            f"transaction.atomic().",
            code="expression",
        )
    if is_generated(field):
        raise ValidationError(f"{field.model._meta.label}.{field.name} is computed by the database.", code="generated")


def _expression_in(value: Any) -> Any:
    """Return the first expression among a value and its parts, None if there is none."""
    try:
        return next((each for each in _with_parts(value) if hasattr(each, "resolve_expression")), None)
    except RecursionError:  # its own field says what is wrong with it
        return None


def _with_parts(value: Any) -> Iterator[Any]:
    yield value
    parts: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if hasattr(value, "isempty"):  # a range
        parts = value.lower, value.upper
    for part in parts:
        yield from _with_parts(part)


def _name_of(file: File) -> str:
    """Return what the column holds of a file. A new one is stored by a save: there its storage gives it a name."""
    if not getattr(file, "_committed", False):
        raise ValidationError("A new file: assign it to an instance and save() that.", code="file")
    return str(file.name or "")


def normalised(field: models.Field, value: Any) -> Any:
    """Return a Python value of a field in the one form that the database gives it back in.

    Raises:
        ValidationError: no database may be able to hold it.
    """
    if value is None:
        return None
    column = column_of(field)
    value = storable(value)
    if isinstance(value, str):
        value = str.__str__(value)  # the member of a TextChoices is its text
    if converts_itself(column) and not _has_places(column, value):
        return value
    for kind, normalise in _NORMALISE:
        if isinstance(column, kind):
            return normalise(column, value)
    return postgres_values.normalised(column, value, normalised, storable)


def _has_places(column: Any, value: Any) -> bool:
    """Whether the database gives a project's own decimal back as it does Django's."""
    is_plain = isinstance(column, models.DecimalField) and "from_db_value" not in converts_itself(column)
    return is_plain and isinstance(value, decimal.Decimal)


def _decimal(field: Any, value: Any) -> Any:
    """Give it the places that the column has; zero has no sign there."""
    if field.decimal_places is None:
        if value and not -_PLACES <= value.as_tuple().exponent <= value.adjusted() < _DIGITS:
            raise ValidationError("More digits than a database may be able to hold.", code="unstorable")
        text = format(value, "f")
        value = decimal.Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
    else:
        context = decimal.Context(prec=field.max_digits)
        try:
            value = value.quantize(decimal.Decimal(1).scaleb(-field.decimal_places), context=context)
        except decimal.InvalidOperation as error:
            raise ValidationError(f"No more than {field.max_digits} digits.", code="max_digits") from error
    return value if value else abs(value)


def _moment(field: Any, value: Any) -> Any:
    if not settings.USE_TZ:
        if timezone.is_aware(value):  # some databases refuse it, and the others give back another one
            raise ValidationError("A moment has no timezone where USE_TZ is False.", code="aware")
        return value
    if timezone.is_naive(value):
        value = timezone.make_aware(value, timezone.get_default_timezone())
    return value.astimezone(datetime.UTC)


def _time(field: Any, value: Any) -> Any:
    if value.tzinfo is not None:
        raise ValidationError("A time of day has no timezone here.", code="unstorable")
    return value


def _duration(field: Any, value: Any) -> Any:
    if abs(value.total_seconds()) >= _LONGEST:
        raise ValidationError("Longer than a database may be able to hold.", code="unstorable")
    return value


def _bytes(field: Any, value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def _address(field: Any, value: Any) -> Any:
    """No address is NULL, in all databases."""
    return value or None


def _path(field: Any, value: Any) -> str:
    """Django's own classes take anything here, and the column gets what `str()` makes of it."""
    if not isinstance(value, str | os.PathLike if isinstance(field, models.FilePathField) else str):
        raise ValidationError("Neither a text nor a path.", code="invalid")
    if len(str(value)) > (field.max_length or math.inf):  # their validators do not ask, and most databases refuse it
        raise ValidationError(f"No more than {field.max_length} characters.", code="max_length")
    return str(value)


def _json(field: Any, value: Any) -> Any:
    """Return what JSON gives back of a value. Raises ValidationError if it would not take it."""
    try:
        text = json.dumps(value, cls=field.encoder, allow_nan=False)
        plain = _in_order(json.loads(text))
        return plain if field.decoder is None else json.loads(json.dumps(plain), cls=field.decoder)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationError(f"Not JSON: {error}", code="invalid") from error


def _in_order(value: Any) -> Any:
    """Return a JSON value as PostgreSQL and MySQL give it back: shorter names first, and large numbers whole.

    Raises ValidationError if a string in it cannot be stored.
    """
    if isinstance(value, dict):
        names = sorted(map(storable, value), key=lambda name: (len(name.encode()), name.encode()))
        return {name: _in_order(value[name]) for name in names}
    if isinstance(value, list):
        return [_in_order(part) for part in value]
    if isinstance(value, float):
        return int(decimal.Decimal(repr(value))) if abs(value) >= _WHOLE_FROM else value + 0.0  # no -0.0
    return storable(value)


_NORMALISE: tuple[tuple[type, Any], ...] = (
    (models.DecimalField, _decimal),
    (models.FloatField, lambda field, value: value + 0.0),  # no -0.0
    (models.DateTimeField, _moment),
    (models.TimeField, _time),
    (models.DurationField, _duration),
    (models.JSONField, _json),
    (models.GenericIPAddressField, _address),
    (models.BinaryField, _bytes),
    (models.FileField, _path),
    (models.FilePathField, _path),
)


def to_json(value: Any) -> Any:
    """Return a field's value as a JSON value, without losing a digit."""
    if value is None or isinstance(value, str | int | float | bool | dict | list):
        return value
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo is None else value.astimezone(datetime.UTC)).isoformat()
    if isinstance(value, datetime.date | datetime.time):
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
    if (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, decimal.Decimal) and not value.is_finite()
    ):
        raise ValidationError("Neither NaN nor infinity.", code="unstorable")
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal for the database too.

    In Python 1 is True and 1.0, in JSON it is neither; 0.0 is -0.0; NaN is not even itself; and a project's strings may
    ignore case.
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
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, decimal.Decimal) and isinstance(other, decimal.Decimal) and (one.is_nan() or other.is_nan()):
        return one.is_nan() and other.is_nan() and one.is_snan() == other.is_snan()
    return bool(one == other)


def unchanged(field: models.Field, one: Any, other: Any) -> bool:
    """Whether the database would get the same for two values of a field.

    A project may compare objects of its own, and its descriptor may show one of them for what the column holds.
    """
    if type(one) is type(other) and (type(one).__module__ in _KNOWN or not same(one, other)):
        return same(one, other)
    try:
        return same(field.get_prep_value(one), field.get_prep_value(other))
    except (ValidationError, ValueError, TypeError, AttributeError, ArithmeticError):  # the save will tell
        return False


_KNOWN = {"builtins", "datetime", "decimal", "uuid"}  # modules whose types compare as the database does

_NUMBERS = (bool, int, float)
