"""Whether the values of a project's own fields can be cached at all."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.sample_values import first_that_does_not_lead_back


@register("cachedemo")
def check_fields(**kwargs: Any) -> list[CheckMessage]:
    """No field is registered of which each write would be refused, and no read could show a value."""
    return [message for cache in registry.declared() for message in _of(cache)]


def _of(cache: ModelCache) -> list[CheckMessage]:
    codec = cache.table.codec
    own = [(field, codec.codecs[field.attname]) for field in (codec.pk, *codec.fields.values())]
    found = [(field, first_that_does_not_lead_back(field, each, codec.using)) for field, each in own if each.is_own]
    return [_lost(field, value) for field, value in found if value is not None]


def _lost(field: Any, value: Any) -> Error:
    return Error(
        f"{field.model._meta.label}.{field.name} is registered, but none of its values leads back from JSON to itself: "
        f"one of type {type(value).__name__} does not, so its writes would be refused.",
        hint=f"Register it with codecs = {{{field.name!r}: (to_json, from_json)}}, or leave the field out.",
        obj=field.model,
        id="cachedemo.E004",
    )
