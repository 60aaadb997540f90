"""One value, and so one text, for each key of a row, however a caller spells it.

The text names the row's slot and its place in the queue. Values that the database's `=` holds to be equal have one
text; it is found without asking the database.
"""

import datetime
import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connections, models
from django.utils import timezone

from cachedemo.protocol.field_classes import column_of
from cachedemo.protocol.field_codecs import FieldCodec
from cachedemo.protocol.values import normalised, storable

_KINDS = (
    models.IntegerField,
    models.CharField,
    models.TextField,
    models.DecimalField,
    models.FloatField,
    models.BooleanField,
    models.UUIDField,
    models.DateField,
    models.TimeField,
    models.DurationField,
    models.GenericIPAddressField,
    models.FilePathField,
)
_SIXTY_FOUR_BITS = (-(2**63), 2**63 - 1)
_WHOLE = re.compile("0|-?[1-9][0-9]{0,18}")
_SPELLED_IN_MANY_WAYS = (models.DecimalField, models.FloatField, models.DateTimeField, models.GenericIPAddressField)


class NotHeld(ValidationError):
    """Raised for a key that its column cannot hold as it is: no row has it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_held")


class PrimaryKeys:
    """The keys of one model.

    Args:
        field: its primary key.
        codec: how the field's values are written down.
        using: alias of the database that the rows are in.

    Attributes:
        column: the field whose values it has: another model's key, if it refers to that.
        is_own: whether the project's own class says what its values are.
    """

    what = "primary key"

    def __init__(self, field: Any, codec: FieldCodec, using: str) -> None:
        self.field = field
        self._using = using
        self.column = column_of(field)
        self.is_own = codec.is_own
        self._codec = codec
        self._counts = self._is_a(models.IntegerField) and not codec.is_own
        self._range: tuple[int, int] | None = None
        if not self.is_own and (self._is_a(models.FileField) or not isinstance(self.column, _KINDS)):
            raise ImproperlyConfigured(
                f"{field.model._meta.label}.{field.name} is a {type(self.column).__name__}, and such a key has no text "
                f"that names a slot: give the model a key of its own, and make this field unique."
            )

    def _is_a(self, kind: Any) -> bool:
        return isinstance(self.column, kind)

    @property
    def are_texts(self) -> bool:
        """Whether the column's collation decides which of them are equal."""
        return self._is_a((models.CharField, models.TextField, models.FilePathField))

    @property
    def were_spelled_in_many_ways(self) -> bool:
        """Whether a release before this one may have filed writes of one row under more than one text."""
        return self.is_own or self._is_a(_SPELLED_IN_MANY_WAYS)

    def is_whole(self, value: Any) -> bool:
        """Whether a value is such a key already: the way of nearly all keys, so it is short."""
        if type(value) is not int or not self._counts:
            return False
        low, high = self._range or self._find_range()
        return low <= value <= high

    def are_whole(self, values: list[Any]) -> bool:
        """Whether all of these are such keys, in a tenth of the time."""
        if not self._counts or set(map(type, values)) != {int}:
            return False
        low, high = self._range or self._find_range()
        return low <= min(values) and max(values) <= high

    def whole_of(self, texts: list[Any]) -> list[int] | None:
        """Return the keys that these texts stand for, all of them whole numbers; None if one is anything else."""
        try:
            found = list(map(int, texts)) if self._counts else []
        except (ValueError, TypeError):
            return None
        is_spelled_so = found and list(map(str, found)) == texts
        return found if is_spelled_so and self.are_whole(found) else None

    def _find_range(self) -> tuple[int, int]:
        """Return what the column can hold."""
        operations = connections[self._using].ops
        try:
            low, high = operations.integer_field_range(self.column.get_internal_type())
        except KeyError:  # a project's own column type
            low, high = _SIXTY_FOUR_BITS
        self._range = low, high
        return low, high

    def canonical(self, value: Any) -> Any:
        """Return the key as the database gives it back.

        Raises:
            NotHeld: the column cannot hold it as it is.
            ValidationError: it is no key at all.
        """
        if self._counts and type(value) is str and _WHOLE.fullmatch(value) and self.is_whole(int(value)):
            return int(value)  # as the queue has it: the way of each row of a flush
        if value is None:
            raise ValidationError(f"None is no {self.what}.", code="null")
        if isinstance(value, models.Model):
            value = self._of_instance(value)
        if not isinstance(value, str):
            storable(value)
        try:
            pk = self._own(value) if self.is_own else self._djangos(value)
        except OverflowError as error:
            raise NotHeld(str(error)) from error
        except (TypeError, AttributeError) as error:
            raise ValidationError(f"{type(value).__name__} is no type of a {self.what}.", code="invalid") from error
        return pk

    def _of_instance(self, instance: Any) -> Any:
        """Return the value of a row that the key refers to, by whichever of its fields, or the key of a row."""
        remote = self.field.remote_field
        is_referred_to = remote is not None and isinstance(instance, remote.model)
        return getattr(instance, self.field.target_field.attname) if is_referred_to else instance.pk

    def _djangos(self, value: Any) -> Any:
        python = self.column.to_python(value)
        try:
            pk = normalised(self.column, _checked(self.column, value, python))
        except ValidationError as error:
            raise NotHeld(error.messages[0]) from error
        if isinstance(pk, Decimal) and pk != python:
            raise NotHeld("More places than the column has.")
        if self._counts and not self.is_whole(pk):
            raise NotHeld("Beyond the column's range.")
        return pk

    def _own(self, value: Any) -> Any:
        """Go by what the project's class says, and look whether its text leads back to it."""
        pk = self._read_back(value)
        if self._read_back(str(pk)) != pk or str(self._read_back(str(pk))) != str(pk):
            raise ValidationError(
                f"The text of a {self.what} of {self.field.model._meta.label} does not lead back to it: let str() of a "
                f"{type(pk).__name__} return what {type(self.column).__name__}.to_python() takes.",
                code="round_trip",
            )
        return pk

    def _read_back(self, value: Any) -> Any:
        written = self._codec.to_json(self.column.to_python(value))
        return written if self._codec.from_json is None else self._codec.from_json(written)


def _checked(column: Any, value: Any, python: Any) -> Any:
    """Return what Django makes of a value, unless it has left something out. Raises ValidationError if so."""
    for kind, is_kept in _IS_KEPT:
        if isinstance(column, kind) and not is_kept(value, python):
            raise ValidationError("The column cannot hold it as it is.")
    if isinstance(column, models.GenericIPAddressField):
        return _address(python)
    return python


def _is_day(value: Any, python: Any) -> bool:
    return not isinstance(value, datetime.datetime) or value.time() == datetime.time()


def _is_moment(value: Any, python: Any) -> bool:
    """With USE_TZ, a moment is one in some timezone; without, in none."""
    return bool(timezone.is_aware(python)) == bool(settings.USE_TZ)


def _is_number(value: Any, python: Any) -> bool:
    return not isinstance(value, int | float | Decimal) or bool(value == python)


_IS_KEPT: tuple[tuple[Any, Callable[[Any, Any], bool]], ...] = (
    (models.IntegerField, _is_number),
    (models.FloatField, lambda value, python: not isinstance(value, int) or value == python),
    (models.DateTimeField, _is_moment),
    (models.DateField, lambda value, python: isinstance(python, datetime.datetime) or _is_day(value, python)),
    (models.TimeField, lambda value, python: not isinstance(value, datetime.datetime)),
)


def _address(text: str) -> str:
    try:
        return text if ":" in text else str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValidationError(str(error)) from error
