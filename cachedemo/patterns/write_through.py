"""Write-through: write the database, then replace the cache entry; the next read hits."""

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
    """Write the named fields of a row and return it. Raises as `commit_update` does.

    Where triggers change rows, the slot is emptied: only a read after the COMMIT sees what they have made of this one.
    """
    write, entry = commit_update(table, pk, values, if_match, added, fills=not table.options.triggers)
    write.replace_slot(entry)
    write.settle_up()
    return entry


def create(table: CachedTable, fields: Mapping[str, Any]) -> Entry:
    """Insert a row and return it. Raises as `commit_insert` does."""
    write, entry = commit_insert(table, fields)
    write.finish_create(entry)
    return entry
