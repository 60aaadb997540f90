"""Whether a key, or a value to look up, is one text for one row: collations, and a decimal's digits on SQLite."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections, models

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import key_collations
from cachedemo.protocol.primary_keys import PrimaryKeys

EXACT_DIGITS = 15  # of a decimal, in SQLite: it is a float there


class _Named(NamedTuple):
    """A field whose values name rows: the primary key, or one that rows are looked up by."""

    cache: ModelCache
    values: PrimaryKeys
    is_key: bool

    @property
    def label(self) -> str:
        return f"{self.cache.model._meta.label}.{self.values.field.name}"


@register("cachedemo")
def check_keys(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """No collation holds two texts to be one; what the columns really have, only databases that are named say."""
    fields = [named for cache in registry.declared() for named in _fields(cache)]
    loose = [message for named in fields if (message := _loose(named, databases or ()))]
    return loose + [_rounded(named) for named in fields if _is_rounded(named)]


def _fields(cache: ModelCache) -> Iterator[_Named]:
    yield _Named(cache, cache.table.codec.keys, True)
    for lookup in cache.table.lookups.values():
        yield _Named(cache, lookup.values, False)


def _loose(named: _Named, databases: Sequence[str]) -> CheckMessage | None:
    table = named.cache.table
    if declared := key_collations.loose_by_declaration(table, named.values):
        found = f"is declared with {declared}"
        return _key(named, found, id="cachedemo.E010") if named.is_key else _lookup(named, found, id="cachedemo.E012")
    if table.using in databases and (in_database := key_collations.loose_in_database(table, named.values)):
        found = f"has in the database {in_database}"
        return _key(named, found, id="cachedemo.E011") if named.is_key else _lookup(named, found, id="cachedemo.E013")
    return None


def _key(named: _Named, found: str, *, id: str) -> CheckMessage:
    return Error(
        f"{named.label} {found}, which holds two texts to be one key: the row would have two slots.",
        hint="Give the key a collation that tells all texts apart, or a key of another type and a unique field.",
        obj=named.cache.model,
        id=id,
    )


def _lookup(named: _Named, found: str, *, id: str) -> CheckMessage:
    return Error(
        f"{named.label} {found}, which holds two texts to be one: no text names the row in a lookup.",
        hint="Give the field a collation that tells all texts apart, or take it out of `lookups`.",
        obj=named.cache.model,
        id=id,
    )


def _is_rounded(named: _Named) -> bool:
    column = named.values.column
    is_on_sqlite = connections[named.cache.table.using].vendor == "sqlite"
    return isinstance(column, models.DecimalField) and is_on_sqlite and (column.max_digits or 99) > EXACT_DIGITS


def _rounded(named: _Named) -> CheckMessage:
    return Warning(
        f"{named.label} may have more digits than the {EXACT_DIGITS} that SQLite keeps: longer keys of different rows "
        f"are one there.",
        hint=f"Give it max_digits={EXACT_DIGITS} or less.",
        obj=named.cache.model,
        id="cachedemo.W010",
    )
