"""Writes that a release before this one has filed under another text of a row's key are filed anew.

When a process announces its version, before it has written anything itself; and when a flush comes upon one that an old
process has filed since.
"""

from collections.abc import Sequence

from django.db import Error

from cachedemo.protocol import database
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.waiting import Claim


def refile_all(table: CachedTable) -> None:
    """Look through all that waits, once in a process, if a release before this one may have used other texts."""
    if table.codec.keys.were_spelled_in_many_ways:
        for old, new in _misfiled(table, table.queue.waiting_pks()).items():
            _refile(table, old, new)  # where somebody works on the row, a flush comes upon it later


def refile_claimed(table: CachedTable, claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that can be written. The others are filed anew, and their rows are left to the next flush.

    What waits for such a row must be written together: each field has the stamp of its write, but the row has one stamp
    only, and nothing older is written once the row has passed it.
    """
    if not table.codec.keys.were_spelled_in_many_ways:
        return list(claims)
    misfiled = _misfiled(table, [claim.pk for claim in claims if claim.error is None])
    held = [claim.pk for claim in claims if claim.pk in misfiled.values()]
    table.queue.release(held)
    for old, new in misfiled.items():
        if not _refile(table, old, new):
            table.queue.park(old)
    return [claim for claim in claims if claim.pk not in misfiled and claim.pk not in held]


def _refile(table: CachedTable, old: str, new: str) -> bool:
    """File it anew; return whether that was done. A write that knew nothing of it may have passed its stamp already."""
    try:
        passed = database.stamp_of(table, table.to_pk(new)) or 0
    except Error:
        return False
    return table.queue.refile(old, new, passed)


def _misfiled(table: CachedTable, pks: Sequence[str]) -> dict[str, str]:
    """Return the text that each of these should be, of those that are something else."""
    texts = {pk: str(table.to_pk(pk)) for pk in pks if table.codec.is_pk(pk)}
    return {pk: text for pk, text in texts.items() if text != pk}
