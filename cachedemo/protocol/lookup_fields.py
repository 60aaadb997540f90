"""The unique fields that rows are looked up by: which may be, and one value for all that the database holds equal."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from cachedemo.protocol.codec import Codec
from cachedemo.protocol.field_classes import computed_from, is_generated
from cachedemo.protocol.primary_keys import NotHeld, PrimaryKeys

FRESH = "fresh"  # what no field that rows are looked up by can be called


class _Values(PrimaryKeys):
    """The values of a unique field, which name a row as its key does."""

    what = "value to look up"


class Lookup:
    """One field that rows are looked up by.

    Attributes:
        attname: of the field.
        set_by: attnames of the fields whose writes may change its value.
    """

    def __init__(self, codec: Codec, attname: str) -> None:
        self.attname = attname
        self.field = codec.fields[attname]
        self._codec = codec

    @cached_property
    def values(self) -> PrimaryKeys:
        """What makes one value of all that mean it. Raises ImproperlyConfigured if the field has no such values."""
        return _Values(self.field, self._codec.codecs[self.attname], self._codec.using)

    @cached_property
    def set_by(self) -> frozenset[str]:
        sources = computed_from(self._codec.model, self.field) if is_generated(self.field) else set()
        return frozenset({self.attname, *sources})

    def asked(self, value: Any) -> Any:
        """Return a value that somebody asks for as the JSON value that the row would have.

        Raises:
            NotHeld: the column cannot hold it, so no row has it.
            ValidationError: it is no value of this field; None is none, since many rows may have NULL.
        """
        if isinstance(value, models.Model) and self.field.remote_field:
            value = getattr(value, self.field.target_field.attname)  # type: ignore[attr-defined]
        return self._codec.to_json(self.attname, self.values.canonical(value))

    def held(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield those of these values that the column can hold, as `asked` returns them."""
        for value in values:
            with suppress(NotHeld):
                yield self.asked(value)

    def parsed(self, value: Any) -> Any:
        """Return the Python value of a JSON value."""
        return self._codec.parse(self.attname, value)


def attnames(codec: Codec, names: Any) -> list[str]:
    """Return the attnames of those cached fields that are among these names."""
    return [attname for attname, field in codec.fields.items() if {field.name, attname} & set(names)]


def why_not(codec: Codec, name: Any) -> str | None:
    """Return why rows cannot be looked up by the field of this name, with the fix; None if they can be."""
    found = attnames(codec, [name])
    if name == FRESH:
        return f"get_by() takes {FRESH!r} for its own argument: give the field another name"
    if not found:
        return f"{name!r} is none of the cached fields, so no slot could confirm whose value it is: add it to `fields`"
    field = codec.fields[found[0]]
    if not _is_unique_alone(codec.model, field):
        return (
            f"two rows may have the same {name}: give it unique=True, or a UniqueConstraint of this field alone, "
            f"without a condition"
        )
    try:
        Lookup(codec, found[0]).values  # noqa: B018 - it is found by looking at it
    except ImproperlyConfigured:
        return f"{name} is a {type(field).__name__}, whose values have no text that names them: look rows up by another"
    return None


def _is_unique_alone(model: type[models.Model], field: Any) -> bool:
    """Whether no two rows may have the same value, NULL aside, whatever else they have.

    A constraint may be deferred: rows that have one value inside a transaction are that transaction's own business.
    """
    together = [tuple(names) for names in model._meta.unique_together]
    constraints = [tuple(constraint.fields) for constraint in model._meta.total_unique_constraints]
    return field.unique or (field.name,) in [*together, *constraints]
