"""Dead letters: rows whose waiting fields the database has refused. Reads still return what was acknowledged.

They are listed, retried and discarded here, for the admin's queue page and for `manage.py cache_dead_letters`. The
atomic steps are `lua/bury.lua`, `lua/retry.lua` and `lua/discard.lua`.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cachedemo.exceptions import CachedemoError
from cachedemo.model_cache import ModelCache
from cachedemo.protocol import database, flush
from cachedemo.protocol.codec import Values
from cachedemo.protocol.error_descriptions import one_line
from cachedemo.protocol.increments import over
from cachedemo.protocol.waiting_fields import Fields, refused

logger = logging.getLogger(__name__)

PIECE = 1000  # rows of one statement
RETRY_PATIENCE, RETRY_PAUSE = 2.0, 0.05  # seconds to wait for writers under way, and between two tries


class Difference(NamedTuple):
    """One refused field: what waits, and what the row has (None for both if there is no row)."""

    field: str
    waiting: Any
    row: Any


class DeadLetter(NamedTuple):
    """One refused row.

    Attributes:
        pk: as text, as in the queue.
        error: what was wrong, by names and codes; no value is in it.
        at: seconds since the epoch.
        differences: field by field; empty where the waiting fields cannot be read.
        row_exists: whether the database still has the row.
    """

    pk: str
    error: str
    at: float
    differences: list[Difference]
    row_exists: bool

    @property
    def kind(self) -> str:
        """The error's class, without its message, which may show values."""
        return self.error.partition(":")[0]


def letters(cache: ModelCache, pks: Sequence[str] | None = None, limit: int | None = None) -> list[DeadLetter]:
    """Return dead letters with what differs from the row, the oldest first.

    Args:
        pks: the rows; all if None.
        limit: how many at most.

    Raises:
        QueueUnavailable, SourceUnavailable: a server did not answer.
    """
    dead = cache.table.queue.dead(pks)
    pks = sorted(dead, key=lambda pk: dead[pk]["at"])[:limit]
    waiting, _ = cache.table.queue.pending(pks, cache.table.slots.version) if pks else ([], None)
    rows = _rows(cache, pks)
    return [
        DeadLetter(pk, dead[pk]["error"], dead[pk]["at"], _differences(fields, rows.get(pk, {})), pk in rows)
        for pk, fields in zip(pks, waiting, strict=True)
    ]


def _differences(fields: Fields, row: Values) -> list[Difference]:
    """Return what is refused; all that waits where a release before flags has not said what that is."""
    fields = refused(fields) or fields
    shown = {name: over(value, row.get(name), 0) for name, (_, value) in fields.items()}
    return [Difference(name, shown[name], row.get(name)) for name in sorted(shown)]


def _rows(cache: ModelCache, pks: Sequence[str]) -> dict[str, Values]:
    """Return the rows: text of the primary key -> values. Text that is no primary key has no row."""
    readable = [cache.table.codec.to_pk(pk) for pk in pks if cache.table.codec.is_pk(pk)]
    pieces = [readable[start : start + PIECE] for start in range(0, len(readable), PIECE)]
    found = [database.select_many(cache.table, piece, hidden_too=True) for piece in pieces]
    return {str(pk): values for rows in found for pk, (_, values) in rows.items()}


def retry(cache: ModelCache, pks: Iterable[str]) -> int:
    """Give dead letters back to the flush; return how many of these rows that were.

    Those stay dead that somebody is just writing, for a while: try these again.
    """
    queue, retried = cache.table.queue, 0
    left = queue.dead(list(pks))
    patience = time.monotonic() + RETRY_PATIENCE
    while left:
        retried += queue.retry(left)
        left = {pk: letter for pk, letter in queue.dead(list(left)).items() if letter == left[pk]}  # else refused anew
        if time.monotonic() > patience:
            break
        time.sleep(RETRY_PAUSE if left else 0)
    return retried


def discard(cache: ModelCache, pks: Iterable[str]) -> int:
    """Give up what was refused, for good; return how many of these rows were dead.

    Their slots are emptied at once, or as soon as the cache answers: reads return the row of the database again.
    """
    pks = list(pks)
    given_up = letters(cache, pks)
    discarded = cache.table.queue.discard(pks)
    for letter in given_up:
        fields = ", ".join(each.field for each in letter.differences)  # a log is no place for people's data
        logger.warning("Discarded the dead letter %s %s: %s", cache.queue, one_line(letter.pk), one_line(fields))
    flush.reap(cache.table)
    return discarded


class NotDead(CachedemoError):
    """Raised when one of the named rows is not a dead letter."""


def check(cache: ModelCache, pks: Iterable[str]) -> None:
    """Raise NotDead for the first of these rows that is not a dead letter."""
    pks = list(pks)
    dead = cache.table.queue.dead(pks)
    for pk in pks:
        if pk not in dead:
            raise NotDead(f"{cache.queue} has no dead letter {pk}.")
