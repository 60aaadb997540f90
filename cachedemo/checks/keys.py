"""Whether a primary key is one text for one row: its collation, and a decimal's digits on SQLite."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections, models

from cachedemo import registry
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import key_collations

EXACT_DIGITS = 15  # of a decimal, in SQLite: it is a float there


@register("cachedemo")
def check_keys(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """No collation of a text key holds two texts to be one; what the columns really have, only databases named say."""
    messages: list[CheckMessage] = []
    for cache in registry.declared():
        if declared := key_collations.loose_by_declaration(cache.table):
            messages.append(_loose_key(cache, "is declared with", declared, id="cachedemo.E010"))
        elif cache.table.using in (databases or ()) and (found := key_collations.loose_in_database(cache.table)):
            messages.append(_loose_key(cache, "has in the database", found, id="cachedemo.E011"))
    return messages + [_rounded_key(cache) for cache in registry.declared() if _is_rounded(cache)]


def _loose_key(cache: ModelCache, where: str, collation: str, *, id: str) -> CheckMessage:
    return Error(
        f"{cache.model._meta.label}.{cache.table.codec.pk.name} {where} {collation}, which holds two texts to be one "
        f"key: the row would have two slots.",
        hint="Give the key a collation that tells all texts apart, or a key of another type and a unique field.",
        obj=cache.model,
        id=id,
    )


def _is_rounded(cache: ModelCache) -> bool:
    column = cache.table.codec.keys.column
    is_on_sqlite = connections[cache.table.using].vendor == "sqlite"
    return isinstance(column, models.DecimalField) and is_on_sqlite and (column.max_digits or 99) > EXACT_DIGITS


def _rounded_key(cache: ModelCache) -> CheckMessage:
    return Warning(
        f"{cache.model._meta.label}.{cache.table.codec.pk.name} may have more digits than the {EXACT_DIGITS} that "
        f"SQLite keeps: longer keys of different rows are one there.",
        hint=f"Give it max_digits={EXACT_DIGITS} or less.",
        obj=cache.model,
        id="cachedemo.W010",
    )
