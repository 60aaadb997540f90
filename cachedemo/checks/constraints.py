"""Constraints that write-behind cannot see: the database looks at them when the flush writes what was acknowledged."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning, register
from django.db.models import CheckConstraint, DecimalField, IntegerField, Q

from cachedemo import conf, registry
from cachedemo.model_cache import ModelCache
from cachedemo.patterns import Pattern

_NUMBERS = (IntegerField, DecimalField)
_LIMITS = {"gt": "min", "gte": "min", "lt": "max", "lte": "max"}  # lookup -> the option of `increment` that says it


@register("cachedemo")
def check_constraints(**kwargs: Any) -> list[CheckMessage]:
    """No write waits that a constraint refuses which nobody has compared it with."""
    return [message for cache in registry.declared() if _writes_behind(cache) for message in _of(cache)]


def _writes_behind(cache: ModelCache) -> bool:
    if conf.problem("PATTERN") is not None:
        return False  # said by the check of the values
    return cache.queue is not None and cache.pattern == Pattern.WRITE_BEHIND


def _of(cache: ModelCache) -> Iterator[CheckMessage]:
    written = cache.table.codec.written
    for constraint in cache.table.model._meta.constraints:
        if not isinstance(constraint, CheckConstraint):
            continue
        named = Q(constraint.condition).referenced_base_fields
        for field in cache.table.codec.fields.values():
            if field.attname in written and field.name in named and not (len(named) == 1 and _is_checked(field)):
                yield _unseen(field, constraint, named)


def _is_checked(field: Any) -> bool:
    """Whether the field says itself what it takes: validators and choices are looked at before anything is queued."""
    return bool(field._validators or field.choices)


def _unseen(field: Any, constraint: Any, named: set[str]) -> Warning:
    return Warning(
        f"{field.model._meta.label}.{field.name} is written behind, and only the flush finds out what its constraint "
        f"{constraint.name!r} refuses: that was acknowledged before, and becomes a dead letter.",
        hint=" ".join(_ways(field, constraint.condition, named)),
        obj=field.model,
        id="cachedemo.W034",
    )


def _ways(field: Any, condition: Any, named: set[str]) -> Iterator[str]:
    if len(named) > 1:
        yield "Write it with via('write-through'), since the constraint compares several fields."
        return
    yield "Give the field validators that say the same, so that callers are told at once."
    if isinstance(field, _NUMBERS):
        limits = ", ".join(f"{option}={value}" for option, value in _limits(field, condition)) or "min or max"
        yield f"Let increments of several callers at once not pass it together: increment(…, {limits})."


def _limits(field: Any, condition: Any) -> Iterator[tuple[str, Any]]:
    """Yield the limits that a plain condition sets: all of its parts must hold, and each compares with a number."""
    if not isinstance(condition, Q) or condition.negated or condition.connector != Q.AND:
        return
    for part in condition.children:
        if isinstance(part, Q):
            yield from _limits(field, part)
        elif isinstance(part, tuple):
            lookup, value = part[0].rpartition("__")[2], part[1]
            if lookup in _LIMITS and not hasattr(value, "resolve_expression"):
                yield _LIMITS[lookup], value + _beyond(field, lookup)


def _beyond(field: Any, lookup: str) -> int:
    """Return what lies between a bound that is not reached itself, and the nearest whole number that may be."""
    is_whole = isinstance(field, IntegerField)
    return {"gt": 1, "lt": -1}.get(lookup, 0) if is_whole else 0
