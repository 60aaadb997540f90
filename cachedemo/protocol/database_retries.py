"""What a flush does when the database is busy or away: it tries again, and waits longer each time.

How often is `max_attempts` of the registration.
"""

import time
from collections.abc import Sequence

from cachedemo.exceptions import OutcomeUnknown, Overtaken, SourceUnavailable, StatementRefused
from cachedemo.protocol import database, database_errors, stats
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.waiting_fields import Fields

FIRST_BACKOFF = 0.05  # seconds, doubled each time the database is unavailable


def apply_patiently(table: CachedTable, rows: Sequence[tuple[str, Fields, int]]) -> None:
    """Try again where the database is busy or away; a commit repeated does no harm. Raises as `apply_many` does."""
    backoff = FIRST_BACKOFF
    for last in [False] * (table.options.max_attempts - 1) + [True]:
        try:
            database.apply_many(table, rows)
            return
        except (SourceUnavailable, OutcomeUnknown) as error:
            if last or not _helps_to_wait(error):
                raise
            lost = not isinstance(error, Overtaken)
        stats.count(table.counts.retries)
        time.sleep(backoff)
        backoff *= 2
        if lost:
            database.reconnect(table.using)


def _helps_to_wait(error: Exception) -> bool:
    return not isinstance(error, StatementRefused) and not database_errors.is_held_up(error)
