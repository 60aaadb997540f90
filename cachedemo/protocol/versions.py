"""The versions of a registration that are live, so that every writer knows whose slots to see to."""

import contextlib
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cachedemo.exceptions import VersionConflict
from cachedemo.protocol import announced_tables
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.refiling import refile_all

logger = logging.getLogger(__name__)

LIVE = "live"


def announce(table: CachedTable) -> None:
    """Say, before anything is served, that this version is in use and which fields it has.

    Keeps what the queue holds about the version in `announced`, to compare with later; None if it is being retired,
    so that nothing may be filled.

    Raises:
        VersionConflict: the same number is live with other fields.
        QueueUnavailable: the queue gives no answer.
    """
    version, fields = table.slots.version, sorted(table.codec.fields)
    if table.queue.is_shared:
        announced_tables.announce(table)
    mine = {"state": LIVE, "since": time.time(), "fields": fields} | _manager_of(table)
    known = table.queue.announce(version, json.dumps(mine).encode())
    record = json.loads(known)
    if record["fields"] != fields:
        raise VersionConflict(_conflict(table, record["fields"]))
    if record.get("manager") != mine.get("manager"):
        raise VersionConflict(_other_manager(table, record.get("manager")))
    if record["state"] == LIVE:
        refile_all(table)
    table.announced = known if record["state"] == LIVE else None


def _manager_of(table: CachedTable) -> dict[str, str]:
    """Return what a version has where a manager says which rows there are, and by which columns."""
    if table.row_filter is None:
        return {}
    return {"manager": f"{table.manager} ({', '.join(sorted(table.row_filter.names))})"}


def conflict(table: CachedTable) -> str | None:
    """Return what `announce` would be refused for, and announce nothing. Raises QueueUnavailable."""
    known = records(table.queue.versions()).get(table.slots.version)
    if known is None:
        return None
    if sorted(known.fields) != sorted(table.codec.fields):
        return _conflict(table, known.fields)
    return None if known.manager == _manager_of(table).get("manager") else _other_manager(table, known.manager)


def _conflict(table: CachedTable, known: Iterable[str]) -> str:
    version, fields = table.slots.version, sorted(table.codec.fields)
    return (
        f"Version {version} of {table.slots.name!r} is live with the fields {', '.join(known)}, but this process has "
        f"{', '.join(fields)}: raise `version` in its registration to {int(version) + 1}, or delete version "
        f"{version} first."
    )


def _other_manager(table: CachedTable, known: str | None) -> str:
    version, mine = table.slots.version, _manager_of(table).get("manager")
    return (
        f"Version {version} of {table.slots.name!r} is live with the manager {known}, but this process has {mine}: "
        f"raise `version` in its registration to {int(version) + 1}, or delete version {version} first."
    )


def refuse_conflict(table: CachedTable) -> None:
    """Announce our version if this process has not yet. Raises VersionConflict, as `announce` does.

    For those who write through the cache. A `save()` of Django's goes on: it fills nothing, and empties the slots of
    every live version.
    """
    if not table.announced:
        announce(table)


def announce_if_lost(table: CachedTable, live: Iterable[str]) -> None:
    """Announce our version again if it is not among the live ones any more.

    For those who read no rows: a queue that was restored from an older copy has not got it, and until it is there
    again, no writer of another release empties its slots.
    """
    if not still_live(table, live):
        with contextlib.suppress(VersionConflict):  # then its slots are not to be trusted, and stay empty
            announce(table)


def still_live(table: CachedTable, live: Iterable[str]) -> bool:
    """Say whether our version, if this process has announced it, still is among the live ones."""
    if not table.announced or table.slots.version in live:
        return True
    _forget(table)
    return False


def still_announced(table: CachedTable, found: bytes | None) -> bool:
    """Say whether the queue holds of our version what this process has announced.

    If not, it is announced again before anything is filled.
    """
    if found is not None and found == table.announced:
        return True
    _forget(table, retiring=any(record.state != LIVE for record in records({b"0": found or b""}).values()))
    return False


def _forget(table: CachedTable, *, retiring: bool = False) -> None:
    if table.announced and table.announces and not retiring:
        logger.warning(
            "Version %s of %s was taken off the queue's list, and is announced again: somebody has deleted it, or the "
            "queue was restored from an older copy. After a restore, empty the cache: it may hold old values.",
            table.slots.version,
            table.slots.name,
        )
    table.announced = None


class Record(NamedTuple):
    """What is noted of a version: its state, since when (seconds since the epoch), its fields, and its manager."""

    state: str
    since: float
    fields: list[str]
    manager: str | None = None


def records(noted: Mapping[bytes, bytes] | Mapping[str, bytes]) -> dict[str, Record]:
    """Return what is noted of each version; what cachedemo cannot have noted is left out."""
    found = {}
    for version, raw in noted.items():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            record = json.loads(raw)
            since, fields = float(record["since"]), list(record["fields"])
            found[str(int(version))] = Record(record["state"], since, fields, record.get("manager"))
    return found


def live_fields(table: CachedTable) -> dict[str, list[str]]:
    """Return which live versions know each field: name -> versions."""
    known: dict[str, list[str]] = {}
    for version, record in records(table.queue.versions()).items():
        for name in record.fields if record.state == LIVE else ():
            known.setdefault(name, []).append(version)
    return known


def fields_by_version(table: CachedTable) -> dict[str, list[str]]:
    """Return the fields of each version that is live or retiring."""
    return {version: record.fields for version, record in records(table.queue.versions()).items()}
