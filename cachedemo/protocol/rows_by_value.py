"""Which row has a value of a unique field, as the database says, and whether a hint may remember it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from cachedemo.exceptions import QueueUnavailable
from cachedemo.protocol import transactions, versions
from cachedemo.protocol.answering import answering
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import in_chunks, keys_in_a_statement
from cachedemo.protocol.hints import text_of
from cachedemo.protocol.lookup_fields import Lookup


def named(table: CachedTable, lookup: Lookup, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return which rows have these values, read from where writes go: text of the value -> primary key.

    Args:
        asked: text of a value -> the value, as `Lookup.asked` returns it.

    Raises:
        MultipleObjectsReturned: several rows have one, inside a transaction or for want of a constraint.
        ImproperlyConfigured: the database holds another value to be equal to one of these.
    """
    found: dict[str, Any] = {}
    for pk, text in _rows(table, lookup, asked):
        if text not in asked:
            raise ImproperlyConfigured(_loose(table, lookup))
        if text in found:
            several: type[Exception] = table.model.MultipleObjectsReturned  # type: ignore[attr-defined]
            raise several(f"More than one {table.model._meta.object_name} has this {lookup.field.name}.")
        found[text] = pk
    return found


def _rows(table: CachedTable, lookup: Lookup, asked: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    name, to_json = lookup.attname, table.codec.to_json
    with answering():
        for some in in_chunks(asked.values(), keys_in_a_statement(table.using)):
            transactions.trip(table.using)
            values = [lookup.parsed(value) for value in some]
            condition = Q((f"{name}__in", values) if len(values) > 1 else (name, values[0]))
            for pk, value in table.rows.filter(condition).order_by().values_list("pk", name):
                yield table.pk_of_row(pk), text_of(to_json(name, value))


def _loose(table: CachedTable, lookup: Lookup) -> str:
    return (
        f"{table.model._meta.label}.{lookup.field.name} cannot be in lookups: the database holds a value to be equal "
        f"to another one, so that no text names it. Give the column a collation that tells all texts apart."
    )


def missing(table: CachedTable, lookup: Lookup) -> Exception:
    """Return what says that no row has a value; it does not show it."""
    does_not_exist: type[Exception] = table.model.DoesNotExist  # type: ignore[attr-defined]
    return does_not_exist(f"No {table.model._meta.object_name} has this {lookup.field.name}.")


def may_be_remembered(table: CachedTable, lookup: Lookup) -> bool:
    """Say whether every live version empties the hints of this field; asked when the lease is in place already."""
    try:
        return versions.all_know(table, lookup.attname)
    except QueueUnavailable:
        return False
