"""Values of a project's own fields: each leads from JSON back to itself, or a read would show something else."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import models

from cachedemo.protocol.field_classes import is_generated, makes_its_value
from cachedemo.protocol.field_codecs import FieldCodec
from cachedemo.protocol.values import normalised


def tried(codec: FieldCodec, field: Any, value: Any) -> Any:
    """Return a value as a JSON value that leads back to it.

    Raises:
        ValidationError: it does not, so that a read would show something else than was written.
    """
    if value is None:
        return None
    try:
        return written(codec, value)
    except Exception as error:
        raise ValidationError(why_uncacheable(field, value, error), code="round_trip") from error


def written(codec: FieldCodec, value: Any) -> Any:
    """Return a value, which is not None, as a JSON value.

    Raises:
        ValueError: it does not lead back. And whatever a project's own field raises.
    """
    found = codec.to_json(value)
    if codec.is_own and not _leads_back(codec, value, found):
        raise ValueError("what is read back is something else")
    return found


def _leads_back(codec: FieldCodec, value: Any, found: Any) -> bool:
    found = json.loads(json.dumps(found))
    back = codec.from_json(found) if codec.from_json is not None else found
    if codec.keeps_type and not _are_of_one_type(value, back):
        return False
    return back is not None and codec.to_json(back) == found


def _are_of_one_type(one: Any, other: Any) -> bool:
    """Whether two values are of the same class, and so are their parts if they are lists or dicts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_are_of_one_type(one[name], other[name]) for name in one)
    return not isinstance(one, list) or all(map(_are_of_one_type, one, other))


def why_uncacheable(field: Any, value: Any, error: Exception) -> str:
    """Say which value of which field cannot be cached, without showing it, and what to do about it."""
    return (
        f"A value of type {type(value).__name__} cannot be cached in {field.model._meta.label}.{field.name} "
        f"({type(error).__name__}): register it with codecs = {{{field.name!r}: (to_json, from_json)}}, or leave the "
        f"field out."
    )


def try_assigned(codecs: Mapping[str, FieldCodec], assigned: Iterable[tuple[Any, Any]]) -> None:
    """Look at what a `save()` or a bulk method is about to write, of the fields that are a project's own.

    Django takes a value in any form that the field understands, so either it or what the field makes of it will do.

    Args:
        codecs: of the fields that are looked at, by attname.
        assigned: fields and values. One that the database computes is not looked at.

    Raises:
        ValidationError: a value does not lead back to itself; `message_dict` has the reasons by field.
    """
    errors: dict[str, Any] = {}
    for field, given in assigned:
        if field.attname not in codecs or given is None or hasattr(given, "resolve_expression"):
            continue
        try:
            _try(codecs[field.attname], field, _as_column(field, given))
        except ValidationError as error:
            errors[field.name] = error
    if errors:
        raise ValidationError(errors)


def try_instance(
    codecs: Mapping[str, FieldCodec], instance: Any, names: Iterable[str] | None = None, *, raw: bool = True
) -> None:
    """Do the same for what an instance shows.

    Args:
        names: of the fields to look at; None for all that can be written.
        raw: whether all of it is sent as it is shown; else what `pre_save` of a field will make is not looked at.
    """
    if codecs:
        fields = [each for each in instance._meta.concrete_fields if each.attname in codecs and not is_generated(each)]
        if names is not None:
            fields = [each for each in fields if not {each.name, each.attname}.isdisjoint(names)]
        shown = [each for each in fields if raw or not makes_its_value(each)]
        try_assigned(codecs, ((field, instance.__dict__.get(field.attname)) for field in shown))


def try_named(codecs: Mapping[str, FieldCodec], model: Any, values: Mapping[str, Any]) -> None:
    """Do the same for what `QuerySet.update()` is given: name or attname -> value."""
    fields = [field for field in model._meta.concrete_fields if field.attname in codecs]
    try_assigned(
        codecs, ((each, values[name]) for each in fields for name in {each.name, each.attname} & values.keys())
    )


def _as_column(field: Any, value: Any) -> Any:
    """Return what the column gets of an instance or a file."""
    if isinstance(value, models.Model) and field.remote_field:
        return getattr(value, field.target_field.attname)
    return value.name if isinstance(value, File) else value


def _try(codec: FieldCodec, field: Any, value: Any) -> None:
    try:
        tried(codec, field, _in_one_form(field, value))
    except ValidationError:
        if not _leads_back_if_parsed(codec, field, value):
            raise


def _leads_back_if_parsed(codec: FieldCodec, field: Any, value: Any) -> bool:
    try:
        tried(codec, field, _in_one_form(field, field.to_python(value)))
    except Exception:  # noqa: BLE001 - whatever a project's own field raises
        return False
    return True


def _in_one_form(field: Any, value: Any) -> Any:
    """Return a value as the database gives it back; as it is where the database will tell what is wrong with it."""
    try:
        return normalised(field, value)
    except Exception:  # noqa: BLE001
        return value
