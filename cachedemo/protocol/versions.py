"""The versions of a registration that are live, so that every writer knows whose slots to see to."""

import contextlib
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cachedemo.exceptions import CacheUnavailable, VersionConflict
from cachedemo.protocol import announced_tables, closed_notes
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.hint_slots import HintSlots
from cachedemo.protocol.refiling import refile_all

logger = logging.getLogger(__name__)

LIVE = "live"


def announce(table: CachedTable) -> None:
    """Say, before anything is served, that this version is in use and which fields it has.

    Keeps what the queue holds about the version in `announced`, to compare with later; None if it is being retired, or
    an operator has switched off, so that nothing may be filled.

    Raises:
        VersionConflict: the same number is live with other fields.
        QueueUnavailable: the queue gives no answer.
    """
    version, fields = table.slots.version, sorted(table.codec.fields)
    known = announced_tables.announce(table) if table.queue.is_shared else None
    if known is None:
        mine = {
            "state": LIVE,
            "since": time.time(),
            "fields": fields,
            "increments": True,
            "shards": True,
            "packed": True,
        }
        if table.looked_up_by:
            mine["lookups"] = sorted(table.looked_up_by)
        if table.row_filter is not None:
            mine["manager"] = _manager_of(table)
        known = table.queue.announce(version, json.dumps(mine).encode())
    if closed_notes.parse(known) is not None:
        return table.told(None, closed=known)
    record = json.loads(known)
    if why := _differs(table, record["fields"], record.get("lookups", ()), record.get("manager", ())):
        raise VersionConflict(why)
    if record["state"] == LIVE:
        refile_all(table)
        _sweep_hints_of_others(table)
    return table.told(known if record["state"] == LIVE else None)


def announce_unless_closed(table: CachedTable) -> None:
    """Do the same, but not where a moment ago an operator had switched off. Nothing depends on how long that is."""
    if not table.has_just_been_told():
        announce(table)


def _manager_of(table: CachedTable) -> list[str]:
    """Return which manager says what rows there are, and by which columns; nothing if none does."""
    if table.row_filter is None:
        return []
    return [f"{table.manager} ({', '.join(sorted(table.row_filter.names))})"]


def conflict(table: CachedTable) -> str | None:
    """Return what `announce` would be refused for, and announce nothing. Raises QueueUnavailable."""
    record = records(table.queue.versions()).get(table.slots.version)
    return None if record is None else _differs(table, record.fields, record.lookups, record.manager)


def _differs(table: CachedTable, fields: Iterable[str], lookups: Iterable[str], manager: Iterable[str]) -> str | None:
    """Return what differs from our version as it is live; None if nothing does."""
    for known, ours, what in (
        (fields, table.codec.fields, "fields"),
        (lookups, table.looked_up_by, "lookups"),
        (manager, _manager_of(table), "manager"),
    ):
        if sorted(known) != sorted(ours):
            return _conflict(table, what, sorted(known), sorted(ours))
    return None


def _conflict(table: CachedTable, what: str, known: Iterable[str], ours: Iterable[str]) -> str:
    version = table.slots.version
    return (
        f"Version {version} of {table.slots.name!r} is live with the {what} {_listed(known)}, but this process has "
        f"{_listed(ours)}: raise `version` in its registration to {int(version) + 1}, or delete version "
        f"{version} first."
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _sweep_hints_of_others(table: CachedTable) -> None:
    """Empty the hints of other live versions that writers of ours do not know of; from now on nobody fills these.

    A cache that does not answer keeps them until they expire: after a rollback to a release without the lookups, wait
    for that, or empty the cache.
    """
    for version, record in records(table.queue.versions()).items():
        for attname in set(record.lookups) - set(table.looked_up_by):
            with contextlib.suppress(CacheUnavailable):
                HintSlots(table.slots, attname).drop_all([version])


def all_know(table: CachedTable, attname: str) -> bool:
    """Say whether our version is announced as this process has it, and every other one looks rows up by this field."""
    noted = table.queue.versions()
    known = all(attname in record.lookups for record in records(noted).values())
    return known and still_announced(table, noted.get(table.slots.version))


def refuse_conflict(table: CachedTable) -> None:
    """Announce our version if this process has not yet. Raises VersionConflict, as `announce` does.

    For those who write through the cache. A `save()` of Django's goes on: it fills nothing, and empties the slots of
    every live version.
    """
    if not table.announced:
        announce_unless_closed(table)


def announce_if_lost(table: CachedTable, live: Iterable[str]) -> None:
    """Announce our version again if it is not among the live ones any more.

    For those who read no rows: a queue that was restored from an older copy has not got it, and until it is there
    again, no writer of another release empties its slots.
    """
    if not table.announced or table.slots.version in live:
        return
    table.announced = None
    with contextlib.suppress(VersionConflict):  # then its slots are not to be trusted, and stay empty
        announce(table)
    if not table.closed:
        _warn_of_loss(table)


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
    if table.announced and not retiring:
        _warn_of_loss(table)
    table.announced = None


def _warn_of_loss(table: CachedTable) -> None:
    if table.announces:
        logger.warning(
            "Version %s of %s was taken off the queue's list, and is announced again: somebody has deleted it, or has "
            "switched cachedemo off and on, or the queue was restored from an older copy. After a restore, empty the "
            "cache: it may hold old values.",
            table.slots.version,
            table.slots.name,
        )


class Record(NamedTuple):
    """What is noted of a version: its state, since when (seconds since the epoch), its fields, lookups and manager."""

    state: str
    since: float
    fields: list[str]
    lookups: Sequence[str] = ()
    manager: Sequence[str] = ()


def records(noted: Mapping[bytes, bytes] | Mapping[str, bytes]) -> dict[str, Record]:
    """Return what is noted of each version; what cachedemo cannot have noted is left out."""
    found = {}
    for version, raw in noted.items():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            record = json.loads(raw)
            others = [list(record.get(name, ())) for name in ("lookups", "manager")]
            found[str(int(version))] = Record(record["state"], float(record["since"]), list(record["fields"]), *others)
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
