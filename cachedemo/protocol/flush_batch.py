"""One batch on its way to the database: all of it at once, and where that fails in pieces, so that a row that is
refused or locked stops no other.
"""

import logging
from collections.abc import Iterable, Sequence

from django.db import Error

from cachedemo.exceptions import OutcomeUnknown, Overtaken, SourceUnavailable, StatementRefused
from cachedemo.protocol import database, database_errors, events, probe, refused_increments
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.database_retries import apply_patiently
from cachedemo.protocol.error_descriptions import describe, one_line
from cachedemo.protocol.flagged_fields import those_refused
from cachedemo.protocol.waiting import Claim
from cachedemo.protocol.waiting_fields import Fields

logger = logging.getLogger(__name__)

Piece = Sequence[Claim]

# What preparing and writing a piece ends with; anything else is a bug, or has come from outside.
_FAILURES = (*database_errors.UNPREPARABLE, Error, SourceUnavailable, OutcomeUnknown)


class Batch:
    """The claims of one flush.

    Attributes:
        flushed: what the database has now.
    """

    def __init__(self, table: CachedTable, claims: Piece) -> None:
        self.table = table
        self.flushed: list[Claim] = []
        self._pieces: list[Piece] = [claims]  # the next one last

    def commit(self) -> None:
        """Write all of it. A row that is refused becomes a dead letter, a locked one is left to a later flush.

        Raises:
            StatementRefused: the statement itself is wrong.
            SourceUnavailable, OutcomeUnknown: the database stayed unavailable. In each case what is not `flushed`
                waits again.
        """
        try:
            while self._pieces:
                rest = self._commit(self._pieces[-1])
                self._pieces[-1:] = reversed(rest)
        except Exception:
            self.table.queue.release([claim.pk for piece in reversed(self._pieces) for claim in piece])
            raise

    def _commit(self, piece: Piece) -> list[Piece]:
        """Write a piece; return the pieces to try in its place."""
        try:
            apply_patiently(self.table, _rows(piece))
        except _FAILURES as error:
            return self._failed(piece, error)
        self.flushed += piece
        return []

    def _failed(self, piece: Piece, error: Exception) -> list[Piece]:
        if database_errors.is_held_up(error):
            return self._without_the_locked(piece, error)
        if isinstance(error, Overtaken):
            return self._halved(piece, error)
        self._raise_unless_refused(error)
        if len(piece) > 1:
            return _halves(piece)
        _bury_refused(self.table, piece[0], describe(database_errors.said(error)))
        return []

    def _raise_unless_refused(self, error: Exception) -> None:
        """Go on only if the database refuses a row of the piece."""
        if isinstance(error, StatementRefused):
            if not probe.accepts_update(self.table):
                raise error
        elif database_errors.judge(error) is not Verdict.ROW:
            raise error

    def _without_the_locked(self, piece: Piece, error: Exception) -> list[Piece]:
        """Leave the locked rows to a later flush and write the others; where none is locked, one must be too slow."""
        try:
            locked = database.apply_unlocked(self.table, _rows(piece))
        except _FAILURES as again:
            if not database_errors.is_held_up(again):
                self._raise_unless_refused(again)
            locked = set()
        if locked:
            self.flushed += [claim for claim in piece if claim.pk not in locked]
            self._park([claim for claim in piece if claim.pk in locked], error)
            return []
        return self._halved(piece, error)

    def _halved(self, piece: Piece, error: Exception) -> list[Piece]:
        """Return the halves of a piece; leave a single row to a later flush."""
        if len(piece) > 1:
            return _halves(piece)
        self._park(piece, error)
        return []

    def _park(self, piece: Piece, error: Exception) -> None:
        for claim in piece:
            self.table.queue.park(claim.pk)
            logger.info("%s %s waits for a later flush: %s", self.table.queue.name, one_line(claim.pk), describe(error))


def bury(table: CachedTable, claim: Claim, error: str, names: Iterable[str] | None = None) -> None:
    """Make a dead letter of a row that cannot be flushed; of these fields, and the others wait again."""
    if table.queue.bury(claim, error, names):
        logger.error("%s %s is a dead letter now: %s", table.queue.name, one_line(claim.pk), error)
        events.dead_letter(table, claim.pk, claim.fields if names is None else names, error)


def _bury_refused(table: CachedTable, claim: Claim, error: str) -> None:
    names = list(_refused(table, claim))
    if not refused_increments.among(claim.fields, names):
        bury(table, claim, error, names)
        return
    refused_increments.flag(table, claim.pk, claim.fields, names, error)
    table.queue.release([claim.pk])
    logger.error("%s %s is a dead letter now: %s", table.queue.name, one_line(claim.pk), error)


def _refused(table: CachedTable, claim: Claim) -> Iterable[str]:
    """Return which fields of a refused row are to blame; all of them where the database does not answer any more."""
    try:
        return those_refused(table, claim.pk, claim.fields, at_commit=True)
    except _FAILURES:
        return claim.fields


def _rows(piece: Piece) -> list[tuple[str, Fields, int]]:
    return [(claim.pk, claim.fields, claim.stamp) for claim in piece]


def _halves(piece: Piece) -> list[Piece]:
    half = len(piece) // 2
    return [piece[:half], piece[half:]]
