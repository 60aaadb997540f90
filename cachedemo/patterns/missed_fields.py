"""What an instance has not seen of its row: for `stale_saves = "refuse"`."""

from typing import Any

from cachedemo.exceptions import StaleInstance
from cachedemo.patterns.save_state import Loaded
from cachedemo.protocol import database
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.database import Row
from cachedemo.protocol.values import same
from cachedemo.protocol.waiting_fields import Fields


def refuse_if_missed(table: CachedTable, instance: Any, loaded: Loaded | None, waiting: Fields, stamp: int) -> None:
    """Lock the row, and raise StaleInstance if the instance has missed something acknowledged.

    Args:
        stamp: of the save. A row that has it or a newer one is compared once the save has a newer one too.
    """
    row = database.lock(table, instance.pk)
    if row is None or row[0] >= stamp:
        return
    if missed := missed_fields(table, loaded, row, waiting):
        raise StaleInstance(
            f"{', '.join(missed)} of {instance!r} was written since this instance was loaded: load it again "
            f"and save that, or name what changes with cache_for({type(instance).__name__}).update(...)."
        )


def missed_fields(table: CachedTable, loaded: Loaded | None, row: Row, waiting: Fields) -> list[str]:
    """Return the cached fields of which the instance was loaded with something else than they are now.

    Args:
        loaded: what it was loaded with; None if it never was, so that it has seen nothing.
        row: as it is under its lock.
        waiting: what waits for the row, by the stamp of the save.
    """
    shown = table.codec.laid_over(row[1], row[0], waiting)
    return sorted(name for name in table.codec.written if not _has_seen(table, loaded, name, shown))


def _has_seen(table: CachedTable, loaded: Loaded | None, name: str, shown: Values) -> bool:
    if loaded is None:
        return False
    if name not in loaded:  # deferred: it was never seen, and is not written, or was set without a look at it
        return True
    value = None if loaded[name] is None else table.codec.fields[name].to_python(loaded[name])
    return same(table.codec.parse(name, shown[name]), value)
