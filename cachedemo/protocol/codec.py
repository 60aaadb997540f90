"""A row as JSON and back: the body of a slot, the values of a waiting field, the model instance."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import models

from cachedemo.protocol import stamps
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.values import clean, storable, to_json

# Their Python values cannot change in place; of every other field's, a copy is kept where it must be compared later.
_IMMUTABLE = (
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
    models.ForeignKey,
)

# JSON gives these back as they were; every other field's `to_python` parses what `to_json` wrote.
_NATIVE = (models.CharField, models.TextField, models.IntegerField, models.BooleanField, models.JSONField)

_encode = json.JSONEncoder(ensure_ascii=False).encode
_decode = json.JSONDecoder().raw_decode  # without the white space around it that json.loads looks for

STAMP = "cache_stamp"

Values = dict[str, Any]  # attname -> value as a JSON value


def _is_immutable(field: models.Field) -> bool:
    """A project's own subclass may have a list or an object as its Python value."""
    return isinstance(field, _IMMUTABLE) and type(field).__module__.startswith("django.db.models.")


class Codec:
    """How the cached fields of one model are written down.

    Args:
        model: inherits `Stamped`.
        fields: names of the fields to cache; the primary key is always there.

    Raises:
        FieldDoesNotExist: the model has no such field.
    """

    def __init__(self, model: type[models.Model], fields: Iterable[str]) -> None:
        self.model = model
        meta = model._meta
        self.pk = meta.pk
        self.fields: dict[str, models.Field] = {}
        for name in fields:
            field = meta.get_field(name)
            if not isinstance(field, models.Field) or not field.concrete or field.primary_key:
                raise FieldDoesNotExist(f"{meta.label}.{name} is no column that can be cached.")
            if (
                isinstance(field, models.ManyToManyField | models.BinaryField | models.GeneratedField)
                or field.attname == STAMP
            ):
                raise FieldDoesNotExist(f"{meta.label}.{name} cannot be cached: {type(field).__name__}.")
            if field not in meta.local_concrete_fields:
                raise FieldDoesNotExist(f"{meta.label}.{name} is in the table of its parent: register that.")
            self.fields[field.attname] = field
        self._mutable = {name for name, field in self.fields.items() if not _is_immutable(field)}
        self.names = [self.pk.attname, *self.fields]
        self._names = frozenset(self.names)
        self._parsers: dict[str, Callable[[Any], Any]] = {
            field.attname: field.to_python
            for field in (self.pk, *self.fields.values())
            if not isinstance(field, _NATIVE)
        }
        # Model.from_db wants the columns in the model's own order.
        cached = {*self.names, STAMP}
        self._columns = [field.attname for field in meta.concrete_fields if field.attname in cached]
        self._in_order = itemgetter(*self._columns)

    def to_pk(self, value: Any) -> Any:
        """Return a primary key in the one form that its slot is named by. Raises ValidationError if it is none."""
        try:
            pk = storable(self.pk.to_python(value))
        except OverflowError as error:
            raise ValidationError(str(error), code="invalid") from error
        if pk is None:
            raise ValidationError("None is no primary key.", code="null")
        return pk

    def is_pk(self, value: Any) -> bool:
        """Whether a value can be a primary key at all."""
        try:
            self.to_pk(value)
        except ValidationError:
            return False
        return True

    def values(self, source: Mapping[str, Any]) -> Values:
        """Return the JSON value of each field: attname -> value, from attname -> Python value."""
        return {name: to_json(source[name]) for name in self.names}

    def encode(self, values: Values) -> bytes:
        """Return the body of a slot."""
        return _encode(values).encode()

    def decode(self, body: bytes) -> Values:
        """Return the values in a slot's body. Raises ValueError if it is no JSON object with these fields."""
        text = body.decode()
        try:
            values, end = _decode(text)
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        if end != len(text) or not isinstance(values, dict) or values.keys() != self._names:
            raise ValueError("not a row of this model")
        return values

    def parse(self, name: str, value: Any) -> Any:
        """Return the Python value of one field as a JSON value."""
        parser = self._parsers.get(name)
        return value if parser is None or value is None else parser(value)

    def instance(self, values: Values, stamp: int, using: str) -> Any:
        """Return the model instance for these values; fields that are not cached are deferred."""
        for name, parser in self._parsers.items():
            if values[name] is not None:
                values[name] = parser(values[name])
        values[STAMP] = stamp
        return self.model.from_db(using, self._columns, self._in_order(values))

    def clean(self, fields: Mapping[str, Any]) -> Values:
        """Validate a write's fields as a form would, uniqueness aside, and return them as JSON values.

        Raises:
            FieldError: a name is none of the cached fields, or there is no name at all.
            ValidationError: a value is invalid; `message_dict` has the reasons by field.
        """
        cleaned: Values = {}
        errors: dict[str, Any] = {}
        for name, value in fields.items():
            field = self._field(name)
            try:
                cleaned[field.attname] = to_json(clean(field, value))
            except ValidationError as error:
                errors[name] = error
        if errors:
            raise ValidationError(errors)
        if not cleaned:
            raise FieldError("A write names at least one field.")
        return cleaned

    def _field(self, name: str) -> models.Field:
        for field in self.fields.values():
            if name in (field.name, field.attname):
                return field
        raise FieldError(f"{self.model._meta.label} caches no field {name!r}; it caches {', '.join(self.fields)}.")

    def has_any(self, names: Iterable[str]) -> bool:
        """Whether one of these fields is cached."""
        return any({field.name, field.attname} & set(names) for field in self.fields.values())

    def mutable(self, names: Sequence[str]) -> list[int]:
        """Return the positions of the cached fields among these whose values can change in place."""
        if not self._mutable:
            return []
        return [position for position, name in enumerate(names) if name in self._mutable]

    def laid_over(self, values: Values, stamp: int, pending: Mapping[str, tuple[int, Any]]) -> Values:
        """Return the row's values, and over them each known pending one that is newer than the row, or refused."""
        newer = {name: value for name, (at, value) in pending.items() if at > stamp and name in self.fields}
        return {**values, **newer}

    def overlay(self, values: Values | None, stamp: int, pending: Mapping[str, tuple[int, Any]]) -> Entry:
        """Return the row, and over it each pending field that is newer than the row, or refused.

        No row means missing, whatever is pending: a pending write always had a row, so it was deleted since.
        """
        if values is None:
            return Entry(None, 0, Origin.SOURCE)
        newer = {name: field for name, field in pending.items() if field[0] > stamp}
        known = {name: value for name, (_, value) in newer.items() if name in self.fields}
        newest = max([stamp, *(stamps.written(field_stamp) for field_stamp, _ in newer.values())])
        return Entry(self.encode({**values, **known}), newest, Origin.PENDING if known else Origin.SOURCE)
