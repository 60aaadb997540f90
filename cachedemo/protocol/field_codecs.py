"""How each field's value becomes a JSON value, and a Python value again: chosen once, when a model is registered."""

import decimal
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models.expressions import Col

from cachedemo.protocol import postgres_values
from cachedemo.protocol.field_classes import column_of, converts_itself, djangos_class, is_geometry
from cachedemo.protocol.values import normalised, to_json

# JSON gives these back as they were; every other field's `to_python` parses what `to_json` wrote.
_NATIVE = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
    models.GenericIPAddressField,  # its to_python would spell anew what the row has, and Django shows that as it is
)

Conversion = Callable[[Any], Any]
Codecs = Mapping[str, tuple[Conversion, Conversion]]


class FieldCodec(NamedTuple):
    """The two conversions of one field. NULL is null, and neither is asked.

    Attributes:
        to_json: from the Python value.
        from_json: back; None where JSON gives the value back as it was.
        is_own: whether a project's own code has a part in them, so that each value is tried before it is written.
        keeps_type: whether what is read back must be of the class of what was written.
    """

    to_json: Conversion
    from_json: Conversion | None
    is_own: bool = False
    keeps_type: bool = True


Fitting = Callable[[Any, FieldCodec, str], FieldCodec]


def codec_of(field: Any, codecs: Codecs, using: str, fitting: Fitting) -> FieldCodec:
    """Return how the values of a field are converted: as registered, else as its class does it in this database.

    Args:
        fitting: makes of a field's conversions those by which its values lead back.
    """
    if field.name in codecs:
        return FieldCodec(*codecs[field.name], is_own=True)
    return _fitting_class(field, using, fitting)


def _fitting_class(field: Any, using: str, fitting: Fitting) -> FieldCodec:
    return fitting(field, _by_class(column_of(field), using, fitting), using)


def _by_class(column: Any, using: str, fitting: Fitting) -> FieldCodec:
    changed = converts_itself(column)
    if changed & {"get_prep_value", "from_db_value"} and not changed & {"get_db_prep_value", "get_db_prep_save"}:
        return as_prepared(column, using)
    if djangos_class(column) is models.Field or is_geometry(column):
        return _as_serialized(column)
    nested = postgres_values.conversions(column, lambda part: _fitting_class(part, using, fitting))
    codec = _plain(column, using) if nested is None else FieldCodec(*nested)
    if nested and hasattr(column, "base_field"):
        part = _fitting_class(column.base_field, using, fitting)
        codec = codec._replace(is_own=part.is_own, keeps_type=part.keeps_type)
    return codec._replace(is_own=True, keeps_type=True) if changed else codec


def _plain(column: Any, using: str) -> FieldCodec:
    """Go by the type of the value, as for every field of Django's."""
    if isinstance(column, models.JSONField):
        decoder = column.decoder
        back = partial(_by_decoder, decoder) if decoder else None
        return FieldCodec(partial(_by_encoder, column), back, is_own=decoder is not None)
    if isinstance(column, _NATIVE):
        return FieldCodec(to_json, None)
    # What RETURNING says of a whole number in a column of floats is an int, in SQLite.
    return FieldCodec(float if isinstance(column, models.FloatField) else to_json, _parser(column, using))


def _parser(column: Any, using: str) -> Conversion:
    """Return what parses the text of a value; a moment is in the time zone that the database is said to have."""
    base: Any = djangos_class(column)
    parse: Conversion = partial(base.to_python, column)
    if isinstance(column, models.DecimalField):  # its to_python refuses NaN, which a row may have
        return lambda value: decimal.Decimal(value) if type(value) is str else parse(value)
    if not isinstance(column, models.DateTimeField) or not connections.settings.get(using, {}).get("TIME_ZONE"):
        return parse

    def parse_moment(text: Any) -> Any:
        moment = parse(text)
        return moment if moment.tzinfo is None else moment.astimezone(connections[using].timezone)

    return parse_moment


def _by_encoder(field: Any, value: Any) -> Any:
    """Where the column's decoder makes objects, its encoder takes them apart; what JSON itself gives is JSON."""
    return value if field.decoder is None else json.loads(json.dumps(value, cls=field.encoder))


def _by_decoder(decoder: Any, value: Any) -> Any:
    return json.loads(json.dumps(value), cls=decoder)


def as_prepared(column: Any, using: str) -> FieldCodec:
    """Write down what the column holds, and read it as Django reads the column."""
    base: Any = djangos_class(column)
    parse = _parser(column, using)

    def prepared(value: Any) -> Any:
        return to_json(normalised(_without_its_class(base, column), column.get_prep_value(value)))

    def loaded(value: Any) -> Any:
        if isinstance(column, models.JSONField):
            value = json.dumps(value)  # so it comes from the database
        elif not isinstance(column, _NATIVE):
            value = parse(value)
        if not hasattr(column, "from_db_value"):
            return value
        return column.from_db_value(value, Col("", column), connections[using])

    return FieldCodec(prepared, loaded, is_own=True, keeps_type=False)


def _without_its_class(base: Any, column: Any) -> Any:
    """Return a field of Django's own class with the sizes of this one: for what the column makes of a value."""
    plain: Any = base.__new__(base)
    plain.__dict__.update(column.__dict__)
    return plain


def _as_serialized(column: Any) -> FieldCodec:
    """Go by what `dumpdata` writes and `loaddata` reads."""

    def serialized(value: Any) -> Any:
        return column.value_to_string(_Holder(column.attname, value))

    return FieldCodec(serialized, column.to_python, is_own=True)


class _Holder:
    """What `value_to_string` takes: an object with the value as its attribute."""

    def __init__(self, name: str, value: Any) -> None:
        setattr(self, name, value)
