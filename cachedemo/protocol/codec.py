"""A row as JSON and back: the body of a slot, the values of a waiting field, the model instance."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.core.files import File
from django.db import DEFAULT_DB_ALIAS, models

from cachedemo.protocol import stamps
from cachedemo.protocol.cleaning import naming
from cachedemo.protocol.descriptors import refuse_half
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.field_classes import PLAIN, is_generated, makes_its_value, names_of, why_not, why_not_written
from cachedemo.protocol.field_codecs import Codecs, FieldCodec, codec_of
from cachedemo.protocol.increments import over_all
from cachedemo.protocol.instances import Instances
from cachedemo.protocol.primary_keys import PrimaryKeys
from cachedemo.protocol.round_trips import tried, why_uncacheable, written
from cachedemo.protocol.row_json import Values as Values
from cachedemo.protocol.row_json import encoded, parsed
from cachedemo.protocol.sample_values import fitting
from cachedemo.protocol.values import clean, normalised

# Their Python values cannot change in place; of every other field's, a copy is kept where it must be compared later.
_IMMUTABLE = (*PLAIN, models.ForeignKey)

_TEXTS = {models.CharField, models.TextField, models.EmailField, models.SlugField, models.URLField}
STAMP = "cache_stamp"


def _is_immutable(field: models.Field) -> bool:
    """A project's own subclass may have a list or an object as its Python value."""
    return isinstance(field, _IMMUTABLE) and type(field).__module__.startswith("django.db.models.")


def _in_one_form(field: models.Field, value: Any) -> Any:
    """Return a value as the database gives it back; a default may be written in another type, as `default=0`."""
    try:
        return normalised(field, value)
    except (TypeError, AttributeError):
        return normalised(field, field.to_python(value))


def _cacheable(model: type[models.Model], name: str, codecs: Codecs, using: str) -> models.Field:
    """Return the field of this name. Raises FieldDoesNotExist if it cannot be cached."""
    meta = model._meta
    field = meta.get_field(name)
    if not isinstance(field, models.Field) or not field.concrete or field.many_to_many or field.primary_key:
        raise FieldDoesNotExist(f"{meta.label}.{name} is no column that can be cached.")
    why = "every row has it in its slot already" if field.attname == STAMP else why_not(field)
    if name in codecs:
        why = None
    if why := why or why_not_written(field, using):
        raise FieldDoesNotExist(f"{meta.label}.{name}, a {type(field).__name__}, cannot be cached: {why}.")
    if field not in meta.local_concrete_fields:
        raise FieldDoesNotExist(f"{meta.label}.{name} is in the table of its parent: register that.")
    return field


class Codec:
    """How the cached fields of one model are written down.

    Args:
        model: inherits `Stamped`.
        fields: names of the fields to cache, or "__all__"; the primary key is always there.
        codecs: name of a field -> its own conversions to a JSON value and back.
        using: alias of the database that the rows are in.

    Attributes:
        fields: the cached ones, by attname.
        written: those of them that a write may name; the database computes the others.
        make: makes an instance of Python values, the stamp among them.

    Raises:
        FieldDoesNotExist: the model has no such field.
    """

    def __init__(
        self,
        model: type[models.Model],
        fields: Iterable[str],
        codecs: Codecs | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        self.model = model
        self.using = using
        meta = model._meta
        codecs = codecs or {}
        self.pk = meta.pk
        found = [_cacheable(model, name, codecs, using) for name in names_of(model, fields, codecs, using)]
        self.fields: dict[str, models.Field] = {field.attname: field for field in found}
        self.written = {name: field for name, field in self.fields.items() if not is_generated(field)}
        self._mutable = {name for name, field in self.fields.items() if not _is_immutable(field)}
        self.names = [self.pk.attname, *self.fields]
        self._names = frozenset(self.names)
        self._own_codecs = codecs
        # Model.from_db wants the columns in the model's own order.
        cached = {*self.names, STAMP}
        columns = [field.attname for field in meta.concrete_fields if field.attname in cached]
        self._instances = Instances(model, columns, self._mutable)

    # What follows is found when it is first asked for: until all models are there, some refer to ones that are not.

    def find_conversions(self) -> None:
        """Find it now. Raises ImproperlyConfigured if the model has a key that no text stands for."""
        self._parsers, self.keys  # noqa: B018 - each is found by looking at it

    @cached_property
    def codecs(self) -> dict[str, FieldCodec]:
        cached, own = (self.pk, *self.fields.values()), self._own_codecs
        return {field.attname: codec_of(field, own, self.using, fitting) for field in cached}

    @cached_property
    def own_codecs(self) -> dict[str, FieldCodec]:
        """Those of the fields in whose values a project's own code has a part."""
        return {name: codec for name, codec in self.codecs.items() if codec.is_own and name != self.pk.attname}

    @cached_property
    def _parsers(self) -> dict[str, Callable[[Any], Any]]:
        return {name: codec.from_json for name, codec in self.codecs.items() if codec.from_json is not None}

    @cached_property
    def plain_texts(self) -> frozenset[str]:
        """The fields whose texts every driver takes as they are."""
        found = {name for name, field in self.written.items() if type(field) in _TEXTS}
        return frozenset(found - self._parsers.keys())

    @cached_property
    def keys(self) -> PrimaryKeys:
        """What makes one key of each value that means it. Raises ImproperlyConfigured if the model has no such key."""
        return PrimaryKeys(self.pk, self.codecs[self.pk.attname], self.using)

    def to_pk(self, value: Any) -> Any:
        """Return a primary key in the one form that its slot is named by.

        Raises:
            NotHeld: the column cannot hold it.
            ValidationError: it is none.
        """
        return value if self.keys.is_whole(value) else self.keys.canonical(value)

    def is_pk(self, value: Any) -> bool:
        """Whether a value can be a primary key at all."""
        try:
            self.to_pk(value)
        except ValidationError:
            return False
        return True

    def values(self, source: Mapping[str, Any]) -> Values:
        """Return the JSON value of each field: attname -> value, from attname -> Python value."""
        return {name: None if source[name] is None else self.to_json(name, source[name]) for name in self.names}

    def to_json(self, name: str, value: Any) -> Any:
        """Return one field's Python value, which is not None, as a JSON value."""
        try:
            return written(self.codecs[name], value)
        except Exception as error:  # whatever a project's own field raises
            field = self.pk if name == self.pk.attname else self.fields[name]
            raise TypeError(why_uncacheable(field, value, error)) from error

    def encode(self, values: Values) -> bytes:
        """Return the body of a slot."""
        return encoded(values)

    def decode(self, body: bytes) -> Values:
        """Return the values in a slot's body. Raises ValueError if it is no JSON object with these fields."""
        values = parsed(body)
        if values.keys() != self._names:
            raise ValueError("not a row of this model")
        return values

    def parse(self, name: str, value: Any) -> Any:
        """Return the Python value of one field as a JSON value."""
        parser = self._parsers.get(name)
        return value if parser is None or value is None else parser(value)

    def instance(self, values: Values, stamp: int, using: str) -> Any:
        """Return the model instance for these values, which are its own then; those not cached are deferred."""
        for name, parser in self._parsers.items():
            if values[name] is not None:
                values[name] = parser(values[name])
        values[STAMP] = stamp
        return self.make(values, using)

    def make(self, values: Values, using: str) -> Any:
        """Return the model instance for these Python values, the stamp among them, which are its own then."""
        return self._instances.maker(using)(values)

    def repeater(self, values: Values, using: str) -> Callable[[], Any]:
        """Return what makes instances of these Python values again and again; none of them may change in place."""
        return self._instances.repeater(values, using)

    def loader(self, using: str) -> Callable[[bytes, int], Any]:
        """Return what makes an instance of a slot's body and stamp: `decode` and `instance` of many, in less time.

        It raises ValueError where the body is not of this model.
        """
        make, names, parsers = self._instances.maker(using), self._names, list(self._parsers.items())

        def load(body: bytes, stamp: int) -> Any:
            values = parsed(body)
            if values.keys() != names:
                raise ValueError("not a row of this model")
            for name, parser in parsers:
                if values[name] is not None:
                    values[name] = parser(values[name])
            values[STAMP] = stamp
            return make(values)

        return load

    def clean(self, fields: Mapping[str, Any]) -> Values:
        """Validate a write's fields as a form would, uniqueness aside, and return them as JSON values.

        Raises:
            FieldError: a name is none of the cached fields, or there is no name at all.
            ValidationError: a value is invalid; `message_dict` has the reasons by field.
        """
        cleaned: Values = {}
        errors: dict[str, Any] = {}
        for name, value in fields.items():
            field = self.field(name)
            try:
                refuse_half(field, value, fields)
                cleaned[field.attname] = tried(self.codecs[field.attname], field, clean(field, value, self.using))
            except ValidationError as error:
                errors[name] = error
        if errors:
            raise ValidationError(errors)
        if not cleaned:
            raise FieldError("A write names at least one field.")
        return cleaned

    def refuse_unreadable(self, instance: Any) -> None:
        """Look at a new row before it is inserted: no read could show what cannot be written down.

        What `pre_save` of a field will make is looked at when it is made (`inserted_values.py`).

        Raises:
            ValidationError: a value is such; `message_dict` has the reasons by field.
        """
        errors: dict[str, Any] = {}
        for name, field in self.written.items():
            if makes_its_value(field):
                continue
            value = instance.__dict__.get(name)
            try:
                if not isinstance(value, File) and not hasattr(value, "resolve_expression"):
                    with naming(field, value):
                        tried(self.codecs[name], field, _in_one_form(field, value))
            except ValidationError as error:
                errors[field.name] = error
        if errors:
            raise ValidationError(errors)

    def spell_key(self, instance: Any) -> None:
        """Let a new row have its key, if it has one yet, as its slot is named. Raises ValidationError if it is none."""
        if (key := instance.__dict__.get(self.pk.attname)) is not None and not hasattr(key, "resolve_expression"):
            try:
                setattr(instance, self.pk.attname, self.to_pk(key))
            except ValidationError as error:
                raise ValidationError({self.pk.name: error}) from error

    def field(self, name: str) -> models.Field:
        """Return the cached field of this name. Raises FieldError if there is none."""
        for field in self.fields.values():
            if name in (field.name, field.attname):
                return field
        raise FieldError(f"{self.model._meta.label} caches no field {name!r}; it caches {', '.join(self.fields)}.")

    def has_own(self, field: models.Field) -> bool:
        """Whether a field has conversions of its own."""
        return field.name in self._own_codecs

    def mutable(self, names: Sequence[str]) -> list[int]:
        """Return the positions of the cached fields among these whose values can change in place."""
        if not self._mutable:
            return []
        return [position for position, name in enumerate(names) if name in self._mutable]

    def laid_over(self, values: Values, stamp: int, pending: Mapping[str, tuple[int, Any]]) -> Values:
        """Return the row's values, and over them each known pending one that is newer than the row, or refused."""
        newer = {name: value for name, (at, value) in pending.items() if at > stamp and name in self.fields}
        return {**values, **over_all(newer, values, stamp)}

    def overlay(self, values: Values | None, stamp: int, pending: Mapping[str, tuple[int, Any]]) -> Entry:
        """Return the row, and over it each pending field that is newer than the row, or refused.

        No row means missing, whatever is pending: a pending write always had a row, so it was deleted since.
        """
        if values is None:
            return Entry(None, 0, Origin.SOURCE)
        newer = {name: field for name, field in pending.items() if field[0] > stamp}
        known = {name: value for name, (_, value) in newer.items() if name in self.fields}
        newest = max([stamp, *(stamps.written(field_stamp) for field_stamp, _ in newer.values())])
        shown = {**values, **over_all(known, values, stamp)}
        return Entry(self.encode(shown), newest, Origin.PENDING if known else Origin.SOURCE)
