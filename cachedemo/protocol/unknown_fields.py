"""Waiting fields that this release does not know: those of another release, and those that are nobody's any more.

While a live version knows a field, its row waits for a worker of that release. Once none does, because the field was
renamed or removed and the version that had it was deleted, nobody will ever write it: it is flagged as refused, so that
it stops nothing, reads of the version that may come back still show it, and an operator decides what becomes of it.
"""

from collections.abc import Iterable

from cachedemo.exceptions import UnknownFieldWaiting
from cachedemo.protocol import events, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.error_descriptions import one_line
from cachedemo.protocol.waiting_fields import Fields


def unknown(table: CachedTable, names: Iterable[str]) -> set[str]:
    """Return which of these fields we do not know."""
    return set(names) - table.codec.fields.keys()


def nobodys(table: CachedTable, names: set[str]) -> set[str]:
    """Return which of these fields, which we do not know, no live version knows either."""
    return names - versions.live_fields(table).keys() if names else names


def without_nobodys(table: CachedTable, pk: object, fields: Fields) -> Fields:
    """Flag what is nobody's any more of what waits for a row; return the rest."""
    gone = nobodys(table, unknown(table, fields))
    if gone and table.queue.refuse(pk, {name: fields[name] for name in gone}, why(gone)):
        events.dead_letter(table, pk, gone, why(gone))
    return {name: field for name, field in fields.items() if name not in gone}


def why(gone: Iterable[str]) -> str:
    """Return the error of a dead letter, which names the fields."""
    return one_line(f"No live version has a field {', '.join(sorted(gone))}.")


def refusal(table: CachedTable, pk: object, names: set[str]) -> UnknownFieldWaiting:
    """Return what a writer is refused with while fields of another release wait; names the release."""
    known = versions.live_fields(table)
    versions_of_it = sorted({version for name in names for version in known.get(name, [])}, key=int)
    others = " or ".join(f"version {version}" for version in versions_of_it) or "another release"
    return UnknownFieldWaiting(
        f"{', '.join(sorted(names))} of {table.slots.key(pk)} still waits for the database, for a worker of "
        f"{others}, which knows it; nothing was written. If no process of that version is left, delete it "
        f"(cache_delete_version)."
    )
