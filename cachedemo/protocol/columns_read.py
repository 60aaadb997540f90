"""Which columns an expression for the database is computed from, as far as it says."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import F, Func, Q, QuerySet
from django.db.models.expressions import Col, RawSQL
from django.db.models.sql import Query
from django.db.models.sql.where import ExtraWhere

_ANY = "*"  # in the place of a name: SQL that somebody has written, which may read any column
_SQL = {"template", "as_sql", "as_sqlite", "as_postgresql", "as_mysql", "as_oracle"}  # where a class has its SQL


def names_read(expressions: Iterable[Any], annotations: Mapping[str, Any] | None = None) -> set[str] | None:
    """Return the names of the fields that expressions are computed from; None where nobody can tell.

    Args:
        annotations: of the queryset that they are for; an expression may name one.
    """
    names = set(_names(expressions, annotations or {}))
    return None if _ANY in names else names


def _names(expressions: Iterable[Any], annotations: Mapping[str, Any]) -> Iterator[str]:
    for expression in expressions:
        for part, nested in _parts(expression):
            if _has_sql_of_its_own(part):
                yield _ANY
            elif isinstance(part, F):
                yield from _named(str(getattr(part, "name", "")), annotations)
            elif isinstance(part, Q):
                for child in part.children:
                    if isinstance(child, tuple):
                        yield from _named(child[0], annotations)
            elif isinstance(part, Col) and not nested:  # in a subquery it is another row's
                yield part.target.attname


def _named(path: str, annotations: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a name stands for: itself, without lookups, or what the annotation is computed from."""
    name = path.partition("__")[0]
    if name in annotations:
        rest = {other: value for other, value in annotations.items() if other != name}
        yield from _names([annotations[name]], rest)
    else:
        yield name


def _has_sql_of_its_own(part: Any) -> bool:
    """Whether part of its SQL is not Django's, so that it may name columns which are not among what it is made of."""
    if isinstance(part, RawSQL | ExtraWhere):
        return True
    if isinstance(part, Query):
        return bool(part.extra)
    if isinstance(part, QuerySet | F | Q) or not hasattr(part, "resolve_expression"):
        return False
    if not hasattr(part, "get_source_expressions") or (isinstance(part, Func) and "template" in part.extra):
        return True
    own = (each for each in type(part).__mro__ if each.__module__.partition(".")[0] != "django")
    return any(not _SQL.isdisjoint(vars(each)) for each in own)


def _parts(part: Any, nested: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield an expression and what it is made of, and of each whether it is inside a subquery."""
    yield part, nested
    sources: Any
    if isinstance(part, QuerySet):
        sources = [part.query]
    elif isinstance(part, Query):
        sources, nested = [part.where, *part.annotations.values()], True
    elif isinstance(part, Q):
        sources = [child[1] if isinstance(child, tuple) else child for child in part.children]
    else:
        sources = part.get_source_expressions() if hasattr(part, "get_source_expressions") else []
    for source in sources:
        yield from _parts(source, nested)
