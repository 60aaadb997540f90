"""Values that a project's own field may have, made from what it says of itself, to see whether any can be cached."""

import datetime
import decimal
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.db import connections, models
from django.db.models.expressions import Col
from django.utils import timezone

from cachedemo.protocol.field_classes import column_of, converts_itself, is_postgres
from cachedemo.protocol.field_codecs import FieldCodec, as_prepared
from cachedemo.protocol.round_trips import written
from cachedemo.protocol.values import normalised

_NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, 5)
_TEXTS = (
    *("a", "1", "1.5", "1 2", "1,2", "1:2", "#ffffff", "true", "2026-01-02", "2026-01-02T12:00:00", "a@example.com"),
    *(
        "https://example.com/a",
        "12345678-1234-5678-1234-567812345678",
        "127.0.0.1",
        "+442079460000",
        "DE",
        "EUR",
        "UTC",
    ),
    *("Europe/Berlin", "[]", "[1]", "[1, 2]", '["a"]', "{}", '{"a": 1}', ""),
)
# What a driver gives of a column, by what the field says its type is.
_SAMPLES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"json", (*_TEXTS[-5:], "1", '"a"')),
    (r"char|text|slug|url|email|path|file|clob", _TEXTS),
    (r"bool", (True, False)),
    (r"int|serial|autofield", (1, 0, 7)),
    (r"float|double|real", (0.5, 1.0, 0.0)),
    (r"decimal|numeric", (decimal.Decimal("1.5"), decimal.Decimal(1))),
    (r"datetime|timestamp", (_NOON, timezone.make_aware(_NOON, datetime.UTC))),
    (r"date", (_NOON.date(),)),
    (r"duration|interval", (datetime.timedelta(hours=1),)),
    (r"time", (_NOON.time(),)),
    (r"uuid", (uuid.UUID(int=1), uuid.UUID(int=1).hex)),
    (r"binary|blob|bytea", (b"a", b"")),
    (r"inet|ip", ("127.0.0.1",)),
)


def fitting(field: Any, codec: FieldCodec, using: str) -> FieldCodec:
    """Return these conversions of a project's own class, or others by which each of its values leads back.

    A class that prepares its values for one database (`get_db_prep_value`) may encrypt them, so it is read by the type
    of the value. Where that loses the type, it is read as its column, from what `get_prep_value` says.
    """
    column = column_of(field)
    if not codec.is_own or not hasattr(column, "from_db_value"):
        return codec
    found = _found(column, using)
    if all(_leads_back(codec, column, value) for value in found):
        return codec
    prepared = as_prepared(column, using)
    return prepared if all(_leads_back(prepared, column, value) for value in found) else codec


def first_that_does_not_lead_back(field: Any, codec: FieldCodec, using: str) -> Any:
    """Return a value of a field none of whose values can be cached; None if one can, or if nobody can tell its values.

    A project's own code is asked for them, so whatever it raises means that it has no such value.
    """
    column = column_of(field)
    found = _found(column, using)
    lost = [value for value in found if not _leads_back(codec, column, value)]
    return lost[0] if lost and len(lost) == len(found) else None


def _found(column: Any, using: str) -> list[Any]:
    return [*_all(_values(column, connections[using])), *_all(_declared(column))]


def _all(values: Iterator[Any]) -> list[Any]:
    """Return them up to where the field cannot be asked."""
    found: list[Any] = []
    with suppress(Exception):
        found.extend(values)
    return found


def _leads_back(codec: FieldCodec, column: Any, value: Any) -> bool:
    try:
        written(codec, value)  # as a read of its row
        written(codec, normalised(column, value))
    except Exception:  # noqa: BLE001
        return False
    return True


def _values(column: Any, connection: Any) -> Iterator[Any]:
    """Yield what instances have that were loaded from the database, or whose values were parsed."""
    if is_postgres(column, "ArrayField") and not converts_itself(column):
        for values in (_values(column.base_field, connection), _declared(column.base_field)):
            yield from ([part] for part in _all(values))
        return
    for raw in _samples(column, connection):
        with suppress(Exception):
            if hasattr(column, "from_db_value"):
                value = column.from_db_value(raw, Col("", column), connection)
            else:
                value = column.to_python(raw)
            if value is not None:
                yield value


def _samples(column: Any, connection: Any) -> tuple[Any, ...]:
    """Return what a driver may give of such a column."""
    said = column.get_internal_type()
    if not hasattr(models, said):
        said = column.db_type(connection) or ""
    return next((samples for words, samples in _SAMPLES if re.search(words, said.lower())), ())


def _declared(column: Any) -> Iterator[Any]:
    """Yield its default, unless a function of the project's own says that, and its choices."""
    if column.has_default() and (not callable(column.default) or isinstance(column.default, type)):
        yield column.get_default()
    for value, _ in column.flatchoices:
        if value is not None:
            yield column.to_python(value)  # choices may say what the column has for an object
