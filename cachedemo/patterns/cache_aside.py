"""Cache-aside: write the database, then drop the cache entry; the next read loads it."""

from collections.abc import Mapping
from typing import Any

from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.counters import NOTHING, Addition
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.synchronous import commit_insert, commit_update


def update(
    table: CachedTable, pk: Any, values: Values, if_match: str | None = None, added: Addition = NOTHING
) -> Entry:
    """Write the named fields of a row and return it. Raises as `commit_update` does."""
    write, entry = commit_update(table, pk, values, if_match, added, fills=False)
    write.empty_slot()
    write.settle_up()
    return entry


def create(table: CachedTable, fields: Mapping[str, Any]) -> Entry:
    """Insert a row and return it. Raises as `commit_insert` does."""
    write, entry = commit_insert(table, fields)
    write.empty_slot()
    write.settle_up()
    return entry
