"""The flush: write-behind's way to the source. Several may run at once, and any may be killed at any step.

reap    give overdue claims back, empty the slots of writers that died
claim   take a batch
commit  one transaction, one round trip
settle  empty the slots that may be older than the source now
ack     drop what was flushed
"""

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, SourceUnavailable
from cachedemo.plurals import counted
from cachedemo.protocol import database, stats, versions
from cachedemo.protocol.queue import REAP_LIMIT
from cachedemo.protocol.waiting import Claim

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache

logger = logging.getLogger(__name__)

FIRST_BACKOFF = 0.05  # seconds, doubled each time the source is not to be had
DRAIN_PAUSE = 0.05
ALONE_AFTER = 3  # flushes that died with a row in their batch; from then on it is flushed alone


def flush(cache: "ModelCache") -> int:
    """Flush one batch; return how many rows left the list, dead letters and parked rows among them.

    Raises:
        SourceUnavailable: the source was not to be had; the batch waits again.
        QueueUnavailable: the queue gives no answer; whatever was claimed comes back by itself.
    """
    reap(cache)
    claims, live = cache.queue_of_writes.claim(cache.batch_size, cache.claim_deadline, ALONE_AFTER)
    readable = [claim for claim in claims if _flushable(cache, claim)]
    if readable:
        flushed = _commit(cache, sorted(readable, key=_order))
        stamps = {claim.pk: claim.stamp for claim in flushed}
        _settle(cache, stamps, live)
        cache.queue_of_writes.ack(stamps)
        stats.count_flush(flushed)
    return len(claims)


def _order(claim: Claim) -> tuple[int, str]:
    """All flushes lock rows in one order, which for whole numbers is their own."""
    return len(claim.pk), claim.pk


def reap(cache: "ModelCache") -> None:
    """Take up what somebody left behind who died, or could not reach the cache: all of it, in pieces."""
    while True:
        owed, live = cache.queue_of_writes.reap()
        if not owed:
            return None
        try:
            cache.slots.drop({each.pk for each in owed}, live)
        except CacheUnavailable as error:
            return logger.warning("%d slots of %s still wait for the cache: %s", len(owed), cache.queue, error)
        cache.queue_of_writes.paid(owed)
        if len(owed) < REAP_LIMIT:
            return None


def drain(cache: "ModelCache", timeout: float | None = None) -> int:
    """Flush until nothing waits but dead letters; return how many rows left the list.

    Args:
        timeout: seconds after which to give up; None waits as long as it takes.

    Raises:
        TimeoutError: rows still wait, for example because another worker has claimed them or no release here
            knows their fields.
    """
    queue, rows = cache.queue_of_writes, 0
    patience = time.monotonic() + timeout if timeout is not None else None
    while True:
        flushed = flush(cache)
        rows += flushed
        waiting = queue.depth() - queue.dead_count()
        if waiting <= 0:
            return rows
        if patience is not None and time.monotonic() > patience:
            raise TimeoutError(f"After {timeout} s still waiting in {cache.queue}: {counted(waiting, 'row')}.")
        if not flushed:
            time.sleep(DRAIN_PAUSE)


def _flushable(cache: "ModelCache", claim: Claim) -> bool:
    """Bury what nobody can read; park what only a newer release knows (it comes back with its deadline)."""
    if claim.error or not cache.codec.is_pk(claim.pk):
        _bury(cache, claim, claim.error or f"{claim.pk!r} is no primary key of {cache.model._meta.label}.")
        return False
    unknown = claim.fields.keys() - cache.codec.fields.keys()
    if not unknown:
        return True
    names = ", ".join(sorted(unknown))
    if unknown <= {name for fields in versions.fields_by_version(cache).values() for name in fields}:
        cache.queue_of_writes.park(claim.pk)
        logger.warning("%s %s waits for a worker of a newer release, which knows %s.", cache.queue, claim.pk, names)
    else:
        _bury(cache, claim, f"No live version has a field {names}.")
    return False


def _commit(cache: "ModelCache", claims: Sequence[Claim]) -> list[Claim]:
    """Write a batch; return what the source has now. What it refuses is buried alone, all else lands."""
    try:
        _commit_patiently(cache, claims)
        return list(claims)
    except database.REFUSALS as error:
        if len(claims) == 1:
            _bury(cache, claims[0], f"{type(error).__name__}: {error}")
            return []
    half = len(claims) // 2
    return _commit(cache, claims[:half]) + _commit(cache, claims[half:])


def _commit_patiently(cache: "ModelCache", claims: Sequence[Claim]) -> None:
    """Try again where the source is busy or away, then give the batch back; a commit repeated does no harm."""
    backoff = FIRST_BACKOFF
    for last in [False] * (cache.max_attempts - 1) + [True]:
        try:
            database.apply_many(cache, [(claim.pk, claim.fields, claim.stamp) for claim in claims])
            return
        except (SourceUnavailable, OutcomeUnknown):
            if last:
                cache.queue_of_writes.release(claim.pk for claim in claims)
                raise
        stats.count(stats.RETRIES)
        time.sleep(backoff)
        backoff *= 2


def _settle(cache: "ModelCache", stamps: dict[str, int], live: Sequence[str]) -> None:
    try:
        cache.slots.settle(stamps, live)
    except CacheUnavailable:
        cache.queue_of_writes.owe(stamps)


def _bury(cache: "ModelCache", claim: Claim, error: str) -> None:
    if cache.queue_of_writes.bury(claim, error):
        logger.error("%s %s is a dead letter now: %s", cache.queue, claim.pk, error)
