"""A change of many rows in one go: `QuerySet.update()`, `bulk_update()`, and what a deletion does to other rows.

In one transaction: lock the rows and list their keys; one stamp above theirs and above all that waits for them; write
what waits for them, as a flush does; the change itself, by those keys, with the stamp. On COMMIT empty the slots.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from django.db import Error, transaction
from django.db.models import Case, F, Q, Value, When

from cachedemo.protocol import database, database_errors, on_commit, row_locks, stamps, transactions, unknown_fields
from cachedemo.protocol.bulk_write import BulkWrite, pieces
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.database_errors import Verdict
from cachedemo.protocol.deferred_constraints import check_now
from cachedemo.protocol.flagged_fields import flag_refused_alone
from cachedemo.protocol.overtaken import again_if_overtaken
from cachedemo.protocol.waiting_fields import Fields, not_refused, refused

MOST_KEYS = 10_000  # rows that one statement names: SQLite takes 32,766 parameters, PostgreSQL 65,535

Send = Callable[[Q, Any], int]  # changes the rows that this condition finds, gives them this stamp, returns how many


class Named(NamedTuple):
    """Which cached fields a change writes (attnames), and which it reads.

    Attributes:
        plain: those that get a value which does not depend on the row.
        written: all of those that it writes.
        read: those that a value is computed from.
    """

    plain: Collection[str]
    written: Collection[str]
    read: Collection[str] = ()


def change(table: CachedTable, found: Any, using: str, named: Named, send: Send) -> int:
    """Change the rows that a queryset finds in the database; return how many there were.

    Args:
        send: the change itself.

    Raises:
        UnknownFieldWaiting, QueueUnavailable: nothing was written.
        OutcomeUnknown: it was written, but slots may be old, and nobody could be told.
        Whatever the database refuses the change with.
    """
    transactions.refuse_manual_transactions(using)
    transactions.trip(using)
    found = found.all()
    found.query.select_for_update = False  # the rows are locked by key
    found.query.distinct, found.query.distinct_fields = False, ()  # as Django has it in an UPDATE
    return again_if_overtaken(table, using, lambda: _change(table, found, using, named, send))


def _change(table: CachedTable, found: Any, using: str, named: Named, send: Send) -> int:
    ours = not transactions.in_transaction(using)
    with transaction.atomic(using, savepoint=False):
        locked = row_locks.lock_found(table, found, using)
        return change_locked(table, _still_found(table, found, locked, using), using, named, send, ours=ours)


def _still_found(table: CachedTable, found: Any, locked: dict[Any, int], using: str) -> dict[Any, int]:
    """Leave out the rows that did not fit the filter any more when their lock was had."""
    if not locked or not row_locks.may_have_waited(using):
        return locked
    pk = table.codec.pk.name
    fitting = set(found.order_by().filter(**{f"{pk}__in": list(locked)}).values_list(pk, flat=True))
    return {key: stamp for key, stamp in locked.items() if key in fitting}


def change_locked(
    table: CachedTable, rows: Mapping[Any, int], using: str, named: Named, send: Send, *, ours: bool
) -> int:
    """Do the steps for rows (key -> stamp) that the transaction under way has locked.

    Args:
        ours: whether that has nothing in it but this change.
    """
    if not rows:
        return 0
    writes: list[BulkWrite] = []
    try:
        for piece in pieces(rows):
            writes.append(BulkWrite(table, list(piece), named.written))
            prepare(table, writes[-1], piece, named, ours)
        changed = send(*_rows_and_stamps(table, writes))
    except Exception:
        for write in writes:  # the transaction cannot commit any more
            write.withdraw()
        raise
    for write in writes:
        on_commit.finish_first(using, write.as_finish())
    return changed


def prepare(table: CachedTable, write: BulkWrite, rows: Mapping[Any, int], named: Named, ours: bool) -> None:
    """Take a stamp for some of the rows, and write what waits for them."""
    waiting = dict(zip(rows, write.take_stamp(floor=max(map(stamps.proper, rows.values()))), strict=True))
    below = {pk: _below_the_change(table, pk, fields, named) for pk, fields in waiting.items()}
    write.carried = {name for fields in below.values() for name in fields}
    flagged = _write_what_waits(table, _with_newest(below), ours)
    refused_of_rows = {pk: refused(fields) | flagged.get(pk, {}) for pk, fields in waiting.items()}
    _write_what_is_refused(table, refused_of_rows, named, write.stamp)


def _rows_and_stamps(table: CachedTable, writes: list[BulkWrite]) -> tuple[Q, Any]:
    """Return which rows the change finds, and what it sets `cache_stamp` to.

    It is one statement, as Django's, however many rows there are. More keys than one statement can name are found by
    their stamps, which nobody else has, and which they get beforehand.
    """
    keys = [key for write in writes for key in write.pks]
    if len(writes) == 1:
        return Q(pk__in=keys), writes[0].stamp
    if len(keys) <= MOST_KEYS:
        return Q(pk__in=keys), Case(*(When(pk__in=write.pks, then=Value(write.stamp)) for write in writes))
    for write in writes:
        database.restamp(table, Q(pk__in=write.pks), write.stamp)
    return Q(**{f"{STAMP}__in": [write.stamp for write in writes]}), F(STAMP)


def _below_the_change(table: CachedTable, pk: Any, fields: Fields, named: Named) -> Fields:
    """Return what must be written before the change, which would supersede it."""
    fields = unknown_fields.without_nobodys(table, pk, not_refused(fields))
    if unknown := unknown_fields.unknown(table, fields):
        raise unknown_fields.refusal(table, pk, unknown)
    return {name: field for name, field in fields.items() if name not in named.plain}


def _write_what_waits(table: CachedTable, rows: list[tuple[Any, Fields, int]], ours: bool) -> dict[Any, Fields]:
    """Write it; what the database refuses of it is flagged in the queue, left where it is, and returned.

    Rows that are refused are found as a flush finds them, by halves: two may be refused only together.
    """
    if not rows:
        return {}
    try:
        with transaction.atomic(table.using):
            database.apply_locked(table, rows)
            if ours:
                check_now(table, [pk for pk, _, _ in rows])
    except (*database_errors.UNPREPARABLE, Error) as error:
        if database_errors.judge(error) is not Verdict.ROW:
            raise
        if len(rows) > 1:
            half = len(rows) // 2
            return _write_what_waits(table, rows[:half], ours) | _write_what_waits(table, rows[half:], ours)
        [(pk, fields, _)] = rows
        accepted = flag_refused_alone(table, pk, fields, at_commit=ours)
        database.apply_locked(table, _with_newest({pk: accepted}))
        return {pk: {name: field for name, field in fields.items() if name not in accepted}}
    return {}


def _write_what_is_refused(table: CachedTable, waiting: Mapping[Any, Fields], named: Named, stamp: int) -> None:
    """Write refused values that the change computes from, as readers see them: it is refused here then."""
    used = {
        pk: {name: (stamp - 1, value) for name, (_, value) in fields.items() if name in named.read}
        for pk, fields in waiting.items()
    }
    database.apply_locked(table, _with_newest(used))


def _with_newest(waiting: Mapping[Any, Fields]) -> list[tuple[Any, Fields, int]]:
    return [(pk, fields, max(stamp for stamp, _ in fields.values())) for pk, fields in waiting.items() if fields]
