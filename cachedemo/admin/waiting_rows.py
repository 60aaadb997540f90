"""The rows that wait in a queue, one by one: their fields, since when, and who has claimed them until when."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.waiting import oldest_of, text
from cachedemo.protocol.waiting_fields import Fields, not_refused, oldest_stamp, refused
from cachedemo.servers.server_errors import Error

SHOWN = 30  # rows: those that are claimed first, then the oldest
CLAIMS_SHOWN = 20

NOT_TOLD = "not told: the queue has just stopped answering"


@dataclass
class Claimed:
    """A claimed row: until when (seconds since the epoch), by which worker, and how many of its flushes died."""

    pk: str
    deadline: float
    owner: str
    lost: int


@dataclass
class WaitingRow:
    """One row that waits.

    Attributes:
        since: when its oldest write in line was taken, in seconds since the epoch; None if only refused fields wait.
        fields: the names of those in line; refused ones are in `refused`.
    """

    pk: str
    since: float | None
    claimed: Claimed | None
    fields: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def age(self) -> float | None:
        return None if self.since is None else max(0.0, time.time() - self.since)


def claims(found: Sequence[Any], flushers: Sequence[Any], reaped: dict[bytes, bytes]) -> list[Claimed]:
    """A batch and its owner have one deadline, to the microsecond."""
    owners = {deadline: owner.decode().rpartition(" ")[0] for owner, deadline in flushers}
    return [
        Claimed(text(pk), deadline / 1_000_000, owners.get(deadline, "not known"), int(reaped.get(pk, 0)))
        for pk, deadline in found
    ]


def rows(cache: ModelCache, oldest: Sequence[Any], claimed: Sequence[Claimed]) -> list[WaitingRow]:
    """Return the rows to show: those that are claimed, then the oldest.

    Args:
        oldest: the answer to `ZRANGE {queue}:pending 0 n WITHSCORES`.
    """
    by_pk = {claim.pk: claim for claim in claimed}
    since = {text(member[0]): oldest_of([member]) for member in oldest}
    shown = list(dict.fromkeys([*by_pk, *since]))[:SHOWN]
    found = [WaitingRow(pk, since.get(pk), by_pk.get(pk)) for pk in shown]
    for row, waiting in zip(found, _fields(cache, shown), strict=True):
        _name_fields(row, waiting)
    return found


def _fields(cache: ModelCache, pks: Sequence[str]) -> Sequence[Fields | None]:
    """Ask once more, for these rows alone; a queue that has stopped answering since is no reason to show nothing."""
    try:
        return cache.table.queue.pending(pks, cache.table.slots.version)[0] if pks else []
    except (CachedemoError, Error):
        return [None] * len(pks)


def _name_fields(row: WaitingRow, waiting: Fields | None) -> None:
    if waiting is None:
        row.said = NOT_TOLD
        return
    row.refused, in_line = sorted(refused(waiting)), not_refused(waiting)
    row.fields = sorted(in_line)
    if row.since is None and in_line:  # a claimed row that is not among the oldest
        row.since = min(map(oldest_stamp, in_line.values())) / 1_000_000
    if not waiting:
        row.said = "has just been flushed"
