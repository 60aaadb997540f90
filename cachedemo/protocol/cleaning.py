"""Validating values as a form does, uniqueness aside, for a row of one database.

Django asks the router where the row is that a foreign key names, and the router knows nothing of
`cache_for(Model, using="acme")`. The database's own constraint looks beside the row, and so does this. Without a
constraint it may be anywhere, and the router says where.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure
from django.db import models
from django.db.models.base import ModelState

from cachedemo.exceptions import CachedemoError
from cachedemo.protocol.field_classes import is_generated


@contextmanager
def naming(field: Any, value: Any) -> Iterator[None]:
    """Raise ValidationError for a value that a field does not understand, whatever it raises for that itself."""
    try:
        yield
    except (ValidationError, DatabaseFailure, CachedemoError):
        raise
    except OverflowError as error:
        raise ValidationError("Beyond what a database may be able to hold.", code="unstorable") from error
    except Exception as error:
        raise ValidationError(
            f"{field.model._meta.label}.{field.name} does not understand a value of type {type(value).__name__} "
            f"({type(error).__name__}).",
            code="invalid",
        ) from error


def cleaned(field: Any, value: Any, using: str) -> Any:
    """Return a value as `field.clean()` does for a row of this database. Raises ValidationError."""
    with naming(field, value):
        if not isinstance(field, models.ForeignKey):
            return field.clean(value, None)
        if not _is_beside(field):
            return field.clean(value, _of_database(field.model, using))
        value = field.to_python(value)
        models.Field.validate(field, value, None)
        if value is not None:
            _refuse_unknown(field, value, using)
        field.run_validators(value)
        return value


def _is_beside(field: Any) -> bool:
    """Whether the database makes sure that the row is there; not if a project's own class looks for it by itself."""
    kind: Any = type(field)
    return issubclass(kind, models.ForeignKey) and kind.validate is models.ForeignKey.validate and field.db_constraint


def _refuse_unknown(field: Any, value: Any, using: str) -> None:
    remote = field.remote_field
    rows = remote.model._base_manager.using(using).filter(models.Q((remote.field_name, value)))
    if not rows.complex_filter(field.get_limit_choices_to()).exists():
        name = remote.model._meta.verbose_name
        told = {"model": name, "pk": value, "field": remote.field_name, "value": value}
        raise ValidationError(field.error_messages["invalid"], code="invalid", params=told)


def _of_database(model: Any, using: str) -> Any:
    """Return what a router takes for a row of this database: a hint, as Django gives it."""
    hint = model.__new__(model)
    hint._state = ModelState()
    hint._state.db = using
    return hint


def clean_instance(instance: Any, using: str, exclude: set[str]) -> None:
    """Do what `instance.clean_fields()` does, for a row of this database.

    Raises:
        ValidationError: `message_dict` has the reasons by field.
    """
    instance._state.db = using
    shown = {field: getattr(instance, field.attname) for field in _fields(instance) if field.name not in exclude}
    ours = [field for field, value in shown.items() if _is_beside(field) or _is_passed_over(field, value)]
    errors: dict[str, Any] = {}
    try:
        instance.clean_fields(exclude=exclude | {field.name for field in ours})
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    except Exception:
        errors = _not_understood(instance, {field: value for field, value in shown.items() if field not in ours})
        if not errors:
            raise
    for field in ours:
        try:
            setattr(instance, field.attname, cleaned(field, shown[field], using))
        except ValidationError as error:
            errors[field.name] = error.error_list
    if errors:
        raise ValidationError(errors)


def _fields(instance: Any) -> Iterator[Any]:
    """Yield those with a value that is the caller's to validate."""
    for field in instance._meta.concrete_fields:
        value = None if is_generated(field) else getattr(instance, field.attname)
        if not is_generated(field) and not hasattr(value, "resolve_expression"):
            yield field


def _is_passed_over(field: Any, value: Any) -> bool:
    """Whether `clean_fields` takes it for no value and leaves it to the column, which may not know what "" is."""
    return field.blank and value is not None and value in field.empty_values


def _not_understood(instance: Any, shown: dict[Any, Any]) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    for field, value in shown.items():
        try:
            with naming(field, value):
                field.clean(value, instance)
        except ValidationError as error:
            errors[field.name] = error.error_list
    return errors
