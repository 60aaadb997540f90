"""What a registration's manager may say: a WHERE that looks at columns of the row itself, and always says the same.

Anything else would hide a row, or show it again, without a write of that row that empties its slot.
"""

import datetime
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connections, models
from django.db.models import Aggregate, Func, Q, Subquery, Window
from django.db.models.expressions import Col, RawSQL
from django.db.models.lookups import Lookup
from django.db.models.sql import Query
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from cachedemo.protocol.codec import STAMP, Codec

_CHANGING = ("Now", "TransactionNow", "Random", "RandomUUID", "UUID4", "UUID7")  # functions of Django's
_NONE = "its WHERE shows no row at all"
_MOMENTS = (datetime.date, datetime.time)  # a datetime is a date
_OTHER_ROWS = (Query, Subquery, Aggregate, Window)

# Attributes of a query with what they do to the rows, beyond its WHERE.
_SHAPES = {
    "is_sliced": "it takes a slice of the rows",
    "distinct": "it leaves out rows that are alike (distinct)",
    "combinator": "it combines two queries",
    "group_by": "it groups the rows",
    "extra_tables": "it looks at other tables (extra)",
}


class _AsksTheDatabase(Exception):
    """Raised by a manager that does before it is asked for a row."""


def condition_of(model: type[models.Model], manager: str, using: str) -> WhereNode:
    """Return the WHERE of the rows that a manager shows."""
    return _where(_rows(model, manager, using), using)


def _where(rows: Any, using: str) -> WhereNode:
    """Return the WHERE as the database gets it: a query of an app's own may add to it when a compiler is asked for."""
    found: WhereNode = rows.query.get_compiler(using).query.where
    return found


def _is_changed_late(rows: Any, using: str) -> bool:
    """Whether the WHERE is another one once a statement is made of it."""
    compiler = rows.query.get_compiler(using)
    before = compiler.query.where.clone()
    with suppress(EmptyResultSet):
        compiler.as_sql()
    return bool(compiler.query.where != before)


def _rows(model: type[models.Model], manager: str, using: str) -> Any:
    return model._meta.managers_map[manager].db_manager(using).get_queryset()


def why_not_counted(model: type[models.Model], manager: str, using: str, codec: Codec) -> str | None:
    """Return why a registration cannot go by this manager, with the fix; None if it can."""
    if manager not in model._meta.managers_map:
        return f"{model._meta.label} has no such manager, but {', '.join(model._meta.managers_map)}"
    try:
        with connections[using].execute_wrapper(_refuse):
            rows, again = (_rows(model, manager, using) for _ in range(2))
    except Exception as error:  # noqa: BLE001  whatever a project's own code raises
        return f"its get_queryset() fails where there is no request and no row is asked for ({type(error).__name__})"
    if not isinstance(rows, models.QuerySet) or rows.model._meta.concrete_model is not model:
        return "its get_queryset() returns no QuerySet of this model"
    where = _where(rows, using)
    if why := _why_not_shape(rows.query) or _why_not_condition(where, codec):
        return why
    if where != _where(again, using) or _is_changed_late(again, using):
        return "its WHERE is another one at each call: filter by columns and constants only"
    return None if _finds_any(rows) else _NONE


def _finds_any(rows: Any) -> bool:
    """Whether there is a row that the WHERE would let pass, as far as Django can tell without the database."""
    try:
        rows.query.get_compiler(rows.db).compile(rows.query.where)
    except EmptyResultSet:
        return False
    except FullResultSet:
        return True
    return True


def _refuse(*args: Any) -> None:
    raise _AsksTheDatabase


def _why_not_shape(query: Query) -> str | None:
    for attribute, said in _SHAPES.items():
        if getattr(query, attribute):
            return f"{said}: name a manager that only filters"
    joined = [join.table_name for alias, join in query.alias_map.items() if query.alias_refcount[alias]][1:]
    if joined:
        return (
            f"it joins {', '.join(joined)}, and a write there would hide the row without a write of it: filter by "
            f"columns of the row itself"
        )
    return None


def _why_not_condition(where: WhereNode, codec: Codec) -> str | None:
    cached = {codec.pk.attname, *codec.fields}
    for part in parts_of(where):
        if isinstance(part, Col):
            name = part.target.name
            if part.target.attname == STAMP:
                return f"its WHERE names {STAMP}, which every write changes"
            if part.target.attname not in cached:
                return f"its WHERE names {name}: add {name!r} to fields, so that a write of it empties the slot"
        elif why := _why_not_part(part):
            return f"its WHERE {why}"
    return None


def _why_not_part(part: Any) -> str | None:
    if isinstance(part, _MOMENTS):
        return "compares with a moment. If that is now, rows come and go without a write: filter by a column instead"
    if type(part).__name__ in _CHANGING:
        return f"asks for {type(part).__name__}(), and so rows come and go without a write: filter by a column instead"
    if isinstance(part, _OTHER_ROWS):
        return "looks at other rows, whose writes would hide this one: filter by columns of the row itself"
    if isinstance(part, NothingNode):
        return _NONE.removeprefix("its WHERE ")
    if isinstance(part, ExtraWhere | RawSQL) or _is_unknown(part):
        return f"has a {type(part).__name__}, of which only the database knows what it looks at: filter by columns"
    return None


def _is_unknown(part: Any) -> bool:
    """Whether it is a function that nobody knows: what Django itself has looks at its arguments only."""
    return type(part) is Func or (
        hasattr(part, "resolve_expression")
        and not isinstance(part, Lookup | models.Transform | Q)
        and not type(part).__module__.startswith("django.")
    )


def parts_of(part: Any) -> Iterator[Any]:
    """Yield a WHERE and all that it is made of: conditions, columns, functions and constants."""
    yield part
    if isinstance(part, WhereNode):
        inner: Collection[Any] = part.children
    elif isinstance(part, Lookup):
        inner = (part.lhs, part.rhs)
    elif isinstance(part, models.Value):
        inner = (part.value,)
    elif isinstance(part, list | tuple | set | frozenset):
        inner = part
    elif hasattr(part, "get_source_expressions") and not isinstance(part, Query):
        inner = [each for each in part.get_source_expressions() if each is not None]
    else:
        return
    for each in inner:
        yield from parts_of(each)
