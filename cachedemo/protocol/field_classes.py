"""What a field is: which class of Django's it is or inherits from, and what a project's own class does otherwise."""

import functools
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from django.db import connections, models

from cachedemo.protocol.columns_read import names_read

_CONVERSIONS = ("to_python", "get_prep_value", "get_db_prep_value", "get_db_prep_save", "from_db_value")
_POSTGRES = "django.contrib.postgres.fields"
_CLASSES = 1000  # of fields that are remembered
_PLACEHOLDERS = ("get_placeholder", "get_placeholder_sql")
_CAST = re.compile(r"%s(::[\w .()\[\]]+)?|CAST\(%s AS [\w .()\[\]]+\)", re.IGNORECASE)
ALL = "__all__"  # as in a ModelForm

# Their values cannot change in place, and JSON writes them as neither an object nor a list.
PLAIN = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BooleanField,
    models.FloatField,
    models.DecimalField,
    models.DateField,
    models.TimeField,
    models.DurationField,
    models.UUIDField,
    models.FileField,
    models.GenericIPAddressField,
)

# Registered nowhere, by the name of the class of Django's: what to do about it.
_HELD_BACK = {
    "BinaryField": "JSON has no word for bytes. Leave it out, so that it is deferred, or register codecs for it",
    "SearchVectorField": "only the database knows what it makes of a text. Leave it out, so that it is deferred",
    "SearchQueryField": "only the database knows what it makes of a text. Leave it out, so that it is deferred",
}


def column_of(field: Any) -> Any:
    """Return the field whose values a foreign key or a generated column has."""
    while True:
        if is_generated(field):
            field = field.output_field
        elif field.remote_field is not None and getattr(field, "target_field", None) is not None:
            field = field.target_field
        else:
            return field


def is_generated(field: Any) -> bool:
    """Whether the database computes it, and lets nobody write it."""
    return bool(getattr(field, "generated", False))


def djangos_class(field: Any) -> type:
    """Return the class of Django's that says how the column's values are converted."""
    kind: Any = type(field)
    return _djangos_class(kind)


def converts_itself(field: Any) -> frozenset[str]:
    """Return which conversions a project's own class does otherwise than the class of Django's it inherits from."""
    kind: Any = type(field)
    return _converts_itself(kind)


def makes_its_value(field: Any) -> bool:
    """Whether a project's own class makes the value in `pre_save`, when a row is saved."""
    kind: Any = type(field)
    return _makes_its_value(kind)


def is_postgres(field: Any, name: str) -> bool:
    """Whether it is of this class of PostgreSQL's; that may be asked where no driver for it is installed."""
    kind: Any = type(field)
    return _is_postgres(kind, name)


# Each value of each write asks this, and a class answers always the same.


@functools.lru_cache(_CLASSES)
def _djangos_class(kind: type) -> type:
    return next(each for each in kind.__mro__ if each.__module__.startswith("django."))


@functools.lru_cache(_CLASSES)
def _converts_itself(kind: type) -> frozenset[str]:
    base = _djangos_class(kind)
    return frozenset(name for name in _CONVERSIONS if getattr(kind, name, None) is not getattr(base, name, None))


@functools.lru_cache(_CLASSES)
def _makes_its_value(kind: type) -> bool:
    return kind.pre_save is not _djangos_class(kind).pre_save  # type: ignore[attr-defined]


@functools.lru_cache(_CLASSES)
def _is_postgres(kind: type, name: str) -> bool:
    return any(each.__name__ == name and each.__module__.startswith(_POSTGRES) for each in kind.__mro__)


def is_geometry(field: Any) -> bool:
    """Whether its values are objects of GeoDjango."""
    return type(field).__module__.startswith("django.contrib.gis.") or hasattr(field, "geom_type")


def names_of(model: Any, fields: Iterable[str], codecs: Mapping[str, Any], using: str) -> list[str]:
    """Return the names of the fields to cache: those named, or all that can be where `fields` is "__all__"."""
    if fields != ALL:
        return list(fields)
    meta = model._meta
    wanted = (field for field in meta.local_concrete_fields if not field.primary_key and field.name != "cache_stamp")
    written = (field for field in wanted if why_not_written(field, using) is None)
    return [field.name for field in written if field.name in codecs or why_not(field) is None]


def why_not_written(field: Any, using: str) -> str | None:
    """Return why no write but a `save()` writes such a column as its class does, and what to do; None if all do.

    Its SQL may be another one for each value, and a statement of the protocol writes many. Codecs change nothing.
    """
    column = column_of(field)
    kind: Any = type(column)
    own = [each for each in _PLACEHOLDERS if getattr(kind, each, None) is not getattr(_djangos_class(kind), each, None)]
    if is_generated(field) or all(_only_casts(column, each, using) for each in own):
        return None
    return f"its class has SQL of its own write the value ({own[0]}). Leave it out, so that it is deferred"


def _only_casts(column: Any, method: str, using: str) -> bool:
    """Whether all that the SQL says is the type that the column has anyway."""
    try:
        said = [getattr(column, method)(value, None, connections[using]) for value in (None, "a")]
    except Exception:  # noqa: BLE001 - whatever a project's own raises
        return False
    return all(_CAST.fullmatch(each[0] if isinstance(each, tuple) else each) for each in said)


def why_not(field: Any) -> str | None:
    """Return why no field of this class can be cached, and what to do; None if it can be."""
    column = field.output_field if is_generated(field) else field
    names = {each.__name__ for each in type(column).__mro__}
    if is_geometry(column):
        return "its values are objects of GeoDjango. Leave it out, so that it is deferred, or register codecs for it"
    return next((why for name, why in _HELD_BACK.items() if name in names), None)


def computed_from(model: Any, generated: Any) -> set[str]:
    """Return the attnames of the columns that a generated one is computed from; of all where it does not say."""
    found: set[str] = set()
    for name in names_read([generated.expression]) or {field.name for field in model._meta.local_concrete_fields}:
        source = model._meta.pk if name == "pk" else model._meta.get_field(name)
        found |= computed_from(model, source) if is_generated(source) and source != generated else {source.attname}
    return found


def generated_from(model: Any, names: Set[str]) -> set[str]:
    """Return the attnames of the columns that those of these fields are computed from that are generated."""
    generated = [field for field in model._meta.concrete_fields if is_generated(field) and field.name in names]
    return {name for field in generated for name in computed_from(model, field)}
