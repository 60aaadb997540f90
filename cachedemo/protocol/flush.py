"""The flush: write-behind's way to the database. Several may run at once, and any may be killed at any step.

reap    give overdue claims back, empty the slots of writers that died
claim   take a batch
commit  one transaction, one round trip
settle  empty the slots that may be older than the database now
ack     drop what was flushed
"""

import logging
import time
from collections.abc import Sequence

from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, SourceUnavailable
from cachedemo.plurals import counted
from cachedemo.protocol import database, stats, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.queue import REAP_LIMIT
from cachedemo.protocol.waiting import Claim

logger = logging.getLogger(__name__)

FIRST_BACKOFF = 0.05  # seconds, doubled each time the database is unavailable
DRAIN_PAUSE = 0.05
ALONE_AFTER = 3  # flushes that died with a row in their batch; from then on it is flushed alone


def flush(table: CachedTable) -> int:
    """Flush one batch; return how many rows left the list, dead letters and parked rows among them.

    Raises:
        SourceUnavailable: the database was unavailable; the batch waits again.
        QueueUnavailable: the queue gives no answer; whatever was claimed comes back by itself.
    """
    reap(table)
    claims, live = table.queue.claim(table.options.batch_size, table.options.claim_deadline, ALONE_AFTER)
    readable = [claim for claim in claims if _flushable(table, claim)]
    if readable:
        flushed = _commit(table, sorted(readable, key=_order))
        stamps = {claim.pk: claim.stamp for claim in flushed}
        _settle(table, stamps, live)
        table.queue.ack(stamps)
        stats.count_flush(flushed)
    return len(claims)


def _order(claim: Claim) -> tuple[int, str]:
    """All flushes lock rows in one order, which for whole numbers is their own."""
    return len(claim.pk), claim.pk


def reap(table: CachedTable) -> None:
    """Take up what somebody left behind who died, or could not reach the cache: all of it, in pieces."""
    while True:
        owed, live = table.queue.reap()
        if not owed:
            return None
        try:
            table.slots.drop({each.pk for each in owed}, live)
        except CacheUnavailable as error:
            return logger.warning("%d slots of %s still wait for the cache: %s", len(owed), table.queue.name, error)
        table.queue.paid(owed)
        if len(owed) < REAP_LIMIT:
            return None


def drain(table: CachedTable, timeout: float | None = None) -> int:
    """Flush until nothing waits but dead letters; return how many rows left the list.

    Args:
        timeout: seconds after which to give up; None waits as long as it takes.

    Raises:
        TimeoutError: rows still wait, for example because another worker has claimed them or no release here
            knows their fields.
    """
    queue, rows = table.queue, 0
    patience = time.monotonic() + timeout if timeout is not None else None
    while True:
        flushed = flush(table)
        rows += flushed
        waiting = queue.depth() - queue.dead_count()
        if waiting <= 0:
            return rows
        if patience is not None and time.monotonic() > patience:
            raise TimeoutError(f"After {timeout} s still waiting in {table.queue.name}: {counted(waiting, 'row')}.")
        if not flushed:
            time.sleep(DRAIN_PAUSE)


def _flushable(table: CachedTable, claim: Claim) -> bool:
    """Bury what nobody can read; park what only a newer release knows (it comes back with its deadline)."""
    if claim.error or not table.codec.is_pk(claim.pk):
        _bury(table, claim, claim.error or f"{claim.pk!r} is no primary key of {table.model._meta.label}.")
        return False
    unknown = claim.fields.keys() - table.codec.fields.keys()
    if not unknown:
        return True
    names = ", ".join(sorted(unknown))
    if unknown <= {name for fields in versions.fields_by_version(table).values() for name in fields}:
        table.queue.park(claim.pk)
        logger.warning(
            "%s %s waits for a worker of a newer release, which knows %s.", table.queue.name, claim.pk, names
        )
    else:
        _bury(table, claim, f"No live version has a field {names}.")
    return False


def _commit(table: CachedTable, claims: Sequence[Claim]) -> list[Claim]:
    """Write a batch; return what the database has now. What it refuses is buried alone, all else lands."""
    try:
        _commit_patiently(table, claims)
        return list(claims)
    except database.REFUSALS as error:
        if len(claims) == 1:
            _bury(table, claims[0], f"{type(error).__name__}: {error}")
            return []
    half = len(claims) // 2
    return _commit(table, claims[:half]) + _commit(table, claims[half:])


def _commit_patiently(table: CachedTable, claims: Sequence[Claim]) -> None:
    """Try again where the database is busy or away, then give the batch back; a commit repeated does no harm."""
    backoff = FIRST_BACKOFF
    for last in [False] * (table.options.max_attempts - 1) + [True]:
        try:
            database.apply_many(table, [(claim.pk, claim.fields, claim.stamp) for claim in claims])
            return
        except (SourceUnavailable, OutcomeUnknown):
            if last:
                table.queue.release(claim.pk for claim in claims)
                raise
        stats.count(stats.RETRIES)
        time.sleep(backoff)
        backoff *= 2


def _settle(table: CachedTable, stamps: dict[str, int], live: Sequence[str]) -> None:
    with or_owed(table, stamps):
        table.slots.settle(stamps, live)


def _bury(table: CachedTable, claim: Claim, error: str) -> None:
    if table.queue.bury(claim, error):
        logger.error("%s %s is a dead letter now: %s", table.queue.name, claim.pk, error)
