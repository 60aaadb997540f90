"""A change of many rows in one go: `QuerySet.update()`, `bulk_update()`, and what a deletion does to other rows.

In one transaction: lock the rows and list their keys; one stamp above theirs and above all that waits for them; write
what waits for them, as a flush does; the change itself, by those keys, with the stamp. On COMMIT empty the slots.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from django.db import transaction

from cachedemo.exceptions import UnknownFieldWaiting
from cachedemo.protocol import database, locks, on_commit, stamps, transactions
from cachedemo.protocol.bulk_write import BulkWrite
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.waiting import Fields

PIECE = 1000  # rows that get a stamp at once: one step of the queue must not hold up the others

Send = Callable[[list[Any], int], int]  # changes the rows with these keys, gives them this stamp, returns how many


def change(table: CachedTable, found: Any, using: str, named: set[str], send: Send) -> int:
    """Change the rows that a queryset finds in the database; return how many there were.

    Args:
        named: attnames of the fields that get a value which does not depend on the row.
        send: the change itself, called once for each thousand rows.

    Raises:
        UnknownFieldWaiting, QueueUnavailable: nothing was written.
        OutcomeUnknown: it was written, but slots may be old, and nobody could be told.
        Whatever the database refuses the change with.
    """
    transactions.trip(using)
    with transaction.atomic(using, savepoint=False):
        locked = locks.lock_found(table, found, using)
        changed = 0
        for piece in _pieces(locked):
            changed += change_locked(table, _still_found(table, found, piece, using), using, named, send)
        return changed


def _pieces(rows: Mapping[Any, int]) -> Iterator[dict[Any, int]]:
    remaining = iter(rows.items())
    while piece := dict(islice(remaining, PIECE)):
        yield piece


def _still_found(table: CachedTable, found: Any, piece: dict[Any, int], using: str) -> dict[Any, int]:
    """Leave out the rows that did not fit the filter any more when their lock was had."""
    if not locks.may_have_waited(using):
        return piece
    pk = table.codec.pk.name
    fitting = set(found.order_by().filter(**{f"{pk}__in": list(piece)}).values_list(pk, flat=True))
    return {key: stamp for key, stamp in piece.items() if key in fitting}


def change_locked(table: CachedTable, rows: Mapping[Any, int], using: str, named: set[str], send: Send) -> int:
    """Do the steps for rows (key -> stamp) that the transaction under way has locked."""
    if not rows:
        return 0
    write = BulkWrite(table, list(rows))
    waiting = write.take_stamp(floor=max(map(stamps.proper, rows.values())))
    try:
        database.apply_locked(table, _below_the_change(table, zip(rows, waiting, strict=True), named))
        changed = send(list(rows), write.stamp)
    except Exception:
        write.withdraw()  # the transaction cannot commit any more
        raise
    on_commit.finish_first(using, Finish(table, rows, write.finish))
    return changed


def _below_the_change(table: CachedTable, waiting: Any, named: set[str]) -> list[tuple[Any, Fields, int]]:
    """Return what must be written before the change, which would supersede it: (key, fields, newest stamp) each."""
    batch = []
    for pk, fields in waiting:
        unknown = fields.keys() - table.codec.fields.keys()
        if unknown:
            raise UnknownFieldWaiting(
                f"{', '.join(sorted(unknown))} of {table.slots.key(pk)} still waits for the database, and only a newer "
                f"release knows it; nothing was written."
            )
        rest = {name: field for name, field in fields.items() if name not in named}
        if rest:
            batch.append((pk, rest, max(stamp for stamp, _ in rest.values())))
    return batch
