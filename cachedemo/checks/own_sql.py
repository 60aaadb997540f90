"""Whether a registered model, or a manager of it, writes by SQL of its own, past the cache and past every signal."""

import re
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register
from django.db import models

from cachedemo import registry

# The beginning of a text that is sent, or that is completed with the name of a table and sent. In lower case a sentence
# may begin so, too.
_TABLE = r"([\w.\"`\[\]{}%()]+)"
_WRITES = (
    re.compile(rf"\s*(?:UPDATE|DELETE\s+FROM|INSERT\s+INTO|MERGE\s+INTO|TRUNCATE)\s+(?:$|{_TABLE})"),
    re.compile(rf"\s*update\s+{_TABLE}\s+set\s", re.IGNORECASE),
    re.compile(rf"\s*(?:delete\s+from|insert\s+into)\s+{_TABLE}", re.IGNORECASE),
)
_EXECUTES = {"execute", "executemany"}
_NOT_LOOKED_AT = {"django", "cachedemo"}
_SAID = 3  # functions that a message names


@register("cachedemo")
def check_own_sql(**kwargs: Any) -> list[CheckMessage]:
    """No method of a registered model's classes and managers sends an UPDATE of its own, as packages of trees do."""
    said: dict[tuple[Any, tuple[str, ...]], CheckMessage] = {}
    for cache in registry.declared():
        for model in (each for each in apps.get_models() if registry.find_cache(each) is cache):
            if found := tuple(_writing(model)):
                said.setdefault((cache.model, found), _passing_by(cache.model, found))
    return list(said.values())


def _passing_by(model: type[models.Model], found: tuple[str, ...]) -> Warning:
    names = ", ".join(found[:_SAID]) + (" and others" if len(found) > _SAID else "")
    return Warning(
        f"{model._meta.label} has methods that write by SQL of their own ({names}): what rows they change, the cache "
        f"does not know, and its readers see the old ones until these expire.",
        hint=f"After each call of one, evict all rows that it may have changed, "
        f"cache_for({model.__name__}).evict(keys); or read by the manager where their columns count, or do not "
        f"register the model. Silence this if nobody calls them, or they write other tables.",
        obj=model,
        id="cachedemo.W041",
    )


def _writing(model: type[models.Model]) -> Iterator[str]:
    """Yield the names of the functions with such SQL, if anything that can be reached executes any."""
    functions = list(_reached(_classes(model)))
    if any(_EXECUTES & _names(code) for _, code in functions):
        table = model._meta.db_table
        yield from dict.fromkeys(name for name, code in functions if any(_is_of(table, each) for each in _texts(code)))


def _is_of(table: str, text: str) -> bool:
    """Whether a text is SQL that writes this table, or one that is named later."""
    found = next((found for each in _WRITES if (found := each.match(text))), None)
    if found is None:
        return False
    name = found[1] or ""
    return not name or not {"%", "{"}.isdisjoint(name) or re.split(r"\W+", name.strip('"`[]'))[-1] == table


def _classes(model: type[models.Model]) -> Iterator[type]:
    meta: Any = model._meta
    yield from model.__mro__
    for manager in (*meta.managers, meta.base_manager):
        yield from type(manager).__mro__
        yield from manager._queryset_class.__mro__


def _reached(classes: Iterable[type]) -> Iterator[tuple[str, CodeType]]:
    """Yield the code of all methods, and of what these name in their own package."""
    left: list[Any] = list(classes)
    seen: set[int] = set()
    while left:
        each = left.pop(0)
        if id(each) in seen or _package(each) in _NOT_LOOKED_AT:
            continue
        seen.add(id(each))
        if isinstance(each, type):
            left += [function for value in vars(each).values() if (function := _function(value)) is not None]
        elif isinstance(each, FunctionType):
            for code in _with_inner(each.__code__):
                yield f"{each.__module__}.{each.__qualname__}", code
                left += _named(each, code)


def _package(value: Any) -> str:
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


def _function(value: Any) -> Any:
    value = value.fget if isinstance(value, property) else value
    value = getattr(value, "__func__", value)
    value = getattr(value, "__wrapped__", value)
    return value if isinstance(value, FunctionType) else None


def _named(function: FunctionType, code: CodeType) -> Iterator[Any]:
    """Yield the functions and classes of the same package that it names, be it as those of a module."""
    there = function.__globals__
    places = [there, *(vars(each) for name in code.co_names if _is_module(each := there.get(name), function))]
    for name in code.co_names:
        for place in places:
            value = place.get(name)
            if isinstance(value, type | FunctionType) and _package(value) == _package(function):
                yield value


def _is_module(value: Any, function: FunctionType) -> bool:
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] == _package(function)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _with_inner(each)


def _names(code: CodeType) -> set[str]:
    return set(code.co_names)


def _texts(code: CodeType) -> Iterator[str]:
    return (each for each in code.co_consts if isinstance(each, str))
