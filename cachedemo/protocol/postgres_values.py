"""The fields of PostgreSQL that hold other values: arrays, hstore and ranges, part by part."""

import datetime
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from cachedemo.protocol.field_classes import is_postgres

Conversion = Callable[[Any], Any]


def conversions(column: Any, codec_of: Callable[[Any], Any]) -> tuple[Conversion, Conversion] | None:
    """Return how such a field's values become JSON values and back; None for any other field.

    Args:
        codec_of: the two conversions of the field that its parts have.
    """
    if is_postgres(column, "ArrayField"):
        return _of_array(codec_of(column.base_field))
    if is_postgres(column, "HStoreField"):
        return dict, dict
    if is_postgres(column, "RangeField"):
        return _of_range(column, codec_of(column.base_field))
    return None


def _of_array(part: Any) -> tuple[Conversion, Conversion]:
    from_json = part.from_json or _as_it_is
    return (
        lambda value: [None if each is None else part.to_json(each) for each in value],
        lambda value: [None if each is None else from_json(each) for each in value],
    )


def _of_range(column: Any, part: Any) -> tuple[Conversion, Conversion]:
    from_json = part.from_json or _as_it_is

    def to_json(value: Any) -> Any:
        if value.isempty:
            return {"empty": True}
        ends = {end: getattr(value, end) for end in ("lower", "upper")}
        return {"bounds": value._bounds} | {k: None if end is None else part.to_json(end) for k, end in ends.items()}

    def back(value: Any) -> Any:
        if value.get("empty"):
            return column.range_type(empty=True)
        ends = (None if value[end] is None else from_json(value[end]) for end in ("lower", "upper"))
        return column.range_type(*ends, value["bounds"])

    return to_json, back


def _as_it_is(value: Any) -> Any:
    return value


def normalised(column: Any, value: Any, normalise: Callable[[Any, Any], Any], storable: Conversion) -> Any:
    """Return a value of such a field as the database gives it back; that of any other field as it is.

    Args:
        normalise: the same for a part, of the field that it has.
        storable: returns a text, unless no database may be able to hold it.
    """
    if is_postgres(column, "ArrayField"):
        # Django parses the parts of a text only: of a list the database makes what its type says.
        return [normalise(column.base_field, column.base_field.to_python(each)) for each in value]
    if is_postgres(column, "HStoreField"):
        return _store(value, storable)
    if is_postgres(column, "RangeField") and not value.isempty:
        return _range(column, value, normalise)
    return value


def _store(value: Any, storable: Conversion) -> dict[str, str | None]:
    texts = {storable(str(name)): None if each is None else storable(str(each)) for name, each in value.items()}
    return dict(sorted(texts.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode())))


def _range(column: Any, value: Any, normalise: Callable[[Any, Any], Any]) -> Any:
    """Whole numbers and days come back with the lower end and without the upper one; no end is never part of it."""
    lower, upper = (_end(column.base_field, end, normalise) for end in (value.lower, value.upper))
    if lower is not None and upper is not None and lower > upper:
        raise ValidationError("The lower end lies above the upper one.", code="range_order")
    starts, ends = value._bounds
    if step := _step(column):
        lower = lower + step if lower is not None and starts == "(" else lower
        upper = upper + step if upper is not None and ends == "]" else upper
        starts, ends = "[", ")"
        for end in (lower, upper):
            column.base_field.run_validators(end)  # what the column can hold, which nobody else asks of an end
    bounds = ("(" if lower is None else starts) + (")" if upper is None else ends)
    if lower is not None and lower == upper and bounds != "[]":
        return column.range_type(empty=True)
    return column.range_type(lower, upper, bounds)


def _end(field: Any, end: Any, normalise: Callable[[Any, Any], Any]) -> Any:
    """Return one end of a range as a value of the field that it has."""
    if isinstance(end, datetime.datetime) and timezone.is_naive(end) and settings.USE_TZ:
        raise ValidationError("An end without a timezone: Django leaves it to the database's.", code="naive")
    python = field.to_python(end)
    if isinstance(field, models.IntegerField) and python != end:
        raise ValidationError("An end is a whole number.", code="invalid")
    return normalise(field, python)


def _step(column: Any) -> Any:
    if isinstance(column.base_field, models.IntegerField):
        return 1
    is_day = isinstance(column.base_field, models.DateField) and not isinstance(column.base_field, models.DateTimeField)
    return datetime.timedelta(1) if is_day else None
