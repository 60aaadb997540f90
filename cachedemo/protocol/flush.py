"""The flush: write-behind's way to the database. Several may run at once, and any may be killed at any step.

reap    give overdue claims back, empty the slots of writers that died
claim   take a batch
commit  one transaction, one round trip
settle  empty the slots that may be older than the database now
ack     drop what was flushed
"""

import logging
import time
from collections.abc import Callable, Sequence

from cachedemo.exceptions import CacheUnavailable, OutcomeUnknown, SourceUnavailable, StatementRefused
from cachedemo.plurals import counted
from cachedemo.protocol import events, hints, spans, transactions, unknown_fields, versions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.error_descriptions import describe, one_line
from cachedemo.protocol.flush_batch import Batch, bury
from cachedemo.protocol.owed import or_owed
from cachedemo.protocol.queue import REAP_LIMIT
from cachedemo.protocol.refiling import refile_claimed
from cachedemo.protocol.waiting import Claim, Claimed, Owed

logger = logging.getLogger(__name__)

DRAIN_PAUSE = 0.05
ALONE_AFTER = 3  # flushes that died with a row in their batch; from then on it is flushed alone


def _one_batch() -> bool:
    return False


def flush(table: CachedTable, goes_on: Callable[[], bool] = _one_batch) -> int:
    """Flush one batch, or several; return how many rows left the list, dead letters and parked rows among them.

    Args:
        goes_on: asked before each batch is acknowledged, whether to claim the next one with that.

    Raises:
        TransactionManagementError: autocommit is off, so that nothing could be acknowledged; nothing was claimed.
        StatementRefused: the database refuses the statement, whatever the row; nothing is buried, all of it waits.
        SourceUnavailable, OutcomeUnknown: the database was unavailable; what has not landed waits again.
        QueueUnavailable: the queue gives no answer; whatever was claimed comes back by itself.
    """
    transactions.refuse_manual_transactions(table.using)
    reap(table)
    rows = 0
    claimed: Claimed | None = table.queue.claim(*_how(table))
    while claimed is not None and (claims := claimed.claims):
        flushed, claimed = _flush_claimed(table, claimed, goes_on)
        rows += len(claims)
        if flushed < len(claims):
            reap(table)  # the slots of what was buried are owed
    return rows


def _how(table: CachedTable) -> tuple[int, float, int]:
    return table.options.batch_size, table.options.claim_deadline, ALONE_AFTER


def _flush_claimed(table: CachedTable, claimed: Claimed, goes_on: Callable[[], bool]) -> tuple[int, Claimed | None]:
    """Flush a batch; return how many rows of it have landed, and the next batch if that was claimed."""
    readable = sorted(_flushable(table, refile_claimed(table, claimed.claims)), key=_order)
    if readable:
        return _traced(table, claimed._replace(claims=readable), goes_on)
    return 0, table.queue.claim(*_how(table)) if goes_on() else None


def _traced(table: CachedTable, claimed: Claimed, goes_on: Callable[[], bool]) -> tuple[int, Claimed | None]:
    """Do what `_write` does, in a span that is linked to those of the writes, where somebody traces."""
    with spans.span("flush", table, spans.noted(table, [claim.pk for claim in claimed.claims])) as span:
        flushed, following = _write(table, claimed, goes_on)
        if span is not None:
            span.set_attribute("cachedemo.rows", flushed)
        return flushed, following


def _write(table: CachedTable, claimed: Claimed, goes_on: Callable[[], bool]) -> tuple[int, Claimed | None]:
    """Commit a batch and acknowledge what has landed, also where the rest of it has not."""
    batch = Batch(table, claimed.claims)
    try:
        batch.commit()
    except (SourceUnavailable, OutcomeUnknown) as error:
        if batch.flushed:
            _acknowledge(table, batch.flushed, claimed.versions, _one_batch)
        if isinstance(error, StatementRefused):
            _stop(table, error)
        raise
    return len(batch.flushed), _acknowledge(table, batch.flushed, claimed.versions, goes_on)


def _acknowledge(
    table: CachedTable, flushed: Sequence[Claim], live: Sequence[str], goes_on: Callable[[], bool]
) -> Claimed | None:
    """Settle and acknowledge what has landed; return the next batch if that was claimed with it."""
    stamps = {claim.pk: claim.stamp for claim in flushed}
    _settle(table, stamps, live)
    _settle_hints(table, flushed, live)
    following = None
    if goes_on():
        had_stopped, following = table.queue.ack_and_claim(stamps, *_how(table))
    else:
        had_stopped = table.queue.ack(stamps)
    if had_stopped:
        logger.warning("Flushing %s goes on.", table.queue.name)
    table.counts.count_flush(flushed)
    if flushed and events.flushed.receivers:
        events.tell_flushed(table, flushed)
    return following


def _order(claim: Claim) -> tuple[int, str]:
    """All flushes lock rows in one order, which for whole numbers is their own."""
    return len(claim.pk), claim.pk


def reap(table: CachedTable) -> None:
    """Take up what somebody left behind who died, or could not reach the cache: all of it, in pieces."""
    while True:
        owed, live = table.queue.reap(table.options.claim_deadline, table.options.lease_timeout)
        versions.announce_if_lost(table, live)
        if not owed:
            return None
        try:
            if any(each.is_all for each in owed):
                for places in (table.slots, *table.hints.values()):
                    places.drop_all(live)
            rows = {each.pk for each in owed if not each.is_all}
            hints.empty_with_slots(table, hints.written(table, None), rows, live)
        except CacheUnavailable as error:
            return _still_owed(table, owed, error)
        table.queue.paid(owed)
        if len(owed) < REAP_LIMIT:
            return None


def _still_owed(table: CachedTable, owed: Sequence[Owed], error: CacheUnavailable) -> None:
    """Owe what a part of the cache keeps waiting anew, behind what another part may be waiting for."""
    if error.rows is not None:
        table.queue.owe(error.rows)
        table.queue.paid(owed)
    waiting = len(owed if error.rows is None else error.rows)
    logger.warning("%d slots of %s still wait for the cache: %s", waiting, table.queue.name, error)


def drain(
    table: CachedTable,
    timeout: float | None = None,
    progress: Callable[[int, int | None], None] = lambda flushed, of: None,
) -> int:
    """Flush until nothing waits but dead letters; return how many rows left the list.

    Args:
        timeout: seconds after which to give up; None waits as long as it takes.
        progress: called after each batch with the rows that have left the list, and how many there are by now.

    Raises:
        TimeoutError: rows still wait, for example because another worker has claimed them or no release here
            knows their fields.
    """
    queue, rows = table.queue, 0
    patience = time.monotonic() + timeout if timeout is not None else None
    while True:
        flushed = flush(table)
        rows += flushed
        waiting = queue.in_line()
        progress(rows, rows + max(0, waiting))
        if waiting <= 0:
            return rows
        if patience is not None and time.monotonic() > patience:
            raise TimeoutError(f"After {timeout} s still waiting in {table.queue.name}: {counted(waiting, 'row')}.")
        if not flushed:
            time.sleep(DRAIN_PAUSE)


def _flushable(table: CachedTable, claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that can be written, as nearly all can."""
    names: set[str] = set().union(*[claim.fields for claim in claims])
    are_keys = table.codec.keys.whole_of([claim.pk for claim in claims]) is not None
    if are_keys and names <= table.codec.fields.keys() and not any(claim.error for claim in claims):
        return list(claims)
    return [claim for claim in claims if _is_flushable(table, claim)]


def _is_flushable(table: CachedTable, claim: Claim) -> bool:
    """Bury what nobody can read or knows; park what another release knows (it comes back with its deadline)."""
    if not table.codec.is_pk(claim.pk):
        bury(table, claim, one_line(f"{claim.pk!r} is no primary key of {table.model._meta.label}."))
        return False
    if claim.error:
        bury(table, claim, one_line(claim.error), claim.unreadable)
        return False
    unknown = unknown_fields.unknown(table, claim.fields)
    if not unknown:
        return True
    if gone := unknown_fields.nobodys(table, unknown):
        bury(table, claim, unknown_fields.why(gone), gone)
        return False
    table.queue.park(claim.pk)
    names, where = ", ".join(sorted(unknown)), table.queue.name
    logger.warning("%s %s waits for a worker of a release that knows %s.", where, one_line(claim.pk), one_line(names))
    return False


def _settle(table: CachedTable, stamps: dict[str, int], live: Sequence[str]) -> None:
    with or_owed(table, stamps):
        if table.options.triggers:  # a slot of this stamp shows what was written, and not what they made of it
            table.slots.drop(stamps, live)
        else:
            table.slots.settle(stamps, live)


def _settle_hints(table: CachedTable, flushed: Sequence[Claim], live: Sequence[str]) -> None:
    """A unique value never waits; one that was queued before its field was unique takes its hint away here."""
    lookups = hints.written(table, {name for claim in flushed for name in claim.fields})
    with or_owed(table, [claim.pk for claim in flushed]):
        hints.empty_of(table, lookups, [claim.pk for claim in flushed], live)


def _stop(table: CachedTable, error: StatementRefused) -> None:
    """Say that this queue cannot be flushed; each flush tries anew, and only what is new is said again."""
    columns = ", ".join(str(field.column) for field in table.codec.fields.values())
    said = f"{describe(error)}, in the UPDATE of {table.model._meta.db_table} ({columns}, {STAMP})"
    if table.queue.stop(said):
        logger.error("Flushing %s has stopped, and goes on by itself once this is fixed: %s", table.queue.name, said)
