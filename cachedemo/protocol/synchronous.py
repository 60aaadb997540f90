"""What cache-aside and write-through share: the database is written first, before the caller goes on.

Each function returns the committed row and the write that is still to be finished: the pattern decides whether the
slot is replaced or emptied, then the write settles up.
"""

import inspect
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from cachedemo.exceptions import Contended, Overtaken, PreconditionFailed
from cachedemo.protocol import (
    answering,
    cleaning,
    counters,
    database,
    overtaken,
    stamps,
    transactions,
    unknown_fields,
    wake,
)
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP, Values
from cachedemo.protocol.counters import NOTHING, Addition
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.etags import etag
from cachedemo.protocol.flagged_fields import flag_refused
from cachedemo.protocol.instance_notes import noted
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.probe import accepts_deletion, accepts_insert, accepts_update, telling_rows_from_statements
from cachedemo.protocol.values import refuse_what_no_write_takes, storable
from cachedemo.protocol.waiting_fields import Fields, not_refused, refused

WRITE = "write"  # noted of an instance that is being created: the write whose steps are under way

FLUSH_PATIENCE = 5.0  # seconds to wait for another release's worker to flush a field that we do not know
FLUSH_PAUSE = 0.05

Committed = tuple[DatabaseWrite, Entry]


def commit_update(
    table: CachedTable, pk: Any, values: Values, if_match: str | None, added: Addition = NOTHING, *, fills: bool
) -> Committed:
    """Write the named fields to the database, and increment others.

    Args:
        fills: whether the slot is to be filled then; where there is a queue, only that needs a mark.

    Raises:
        DoesNotExist: there is no such row.
        ValidationError: an increment goes beyond a limit, or the field has no value.
        PreconditionFailed: the row is not what `if_match` says.
        Contended, UnknownFieldWaiting, SourceUnavailable, QueueUnavailable: nothing was written.
        OutcomeUnknown: it may have been written; not acknowledged.
        Whatever the database refuses the values with.
    """
    write = DatabaseWrite(table, pk, {*values, *added.deltas})
    if not table.queue.is_shared:  # a queue is told what a dying writer leaves; else a mark must end it
        write.mark()
    elif fills:
        write.begin_mark()
    try:
        entry = _commit(write, values, if_match, added)
    except Exception:
        write.restore_if_certain()
        raise
    if entry is None:
        write.row = dict.fromkeys(table.looked_up_by)  # it has given no unique value to a row
        write.empty_slot()
        write.restore()
        raise table.missing(pk)
    return write, entry


def _commit(write: DatabaseWrite, values: Values, if_match: str | None, added: Addition) -> Entry | None:
    """Write own fields and waiting ones at a stamp that is the row's newest; None if there is no row.

    What waits and is refused stays where it is, and is laid over the row as readers do it.
    """
    table, floor, names = write.table, 0, {*values, *added.deltas}
    for number in range(table.options.max_attempts):
        pending = known_pending(write, floor, lambda: FLUSH_PATIENCE)
        carried = {name: field for name, field in not_refused(pending).items() if name not in names}
        try:
            row, newer = _attempt(write, values, pending, carried, if_match, added)
        except Overtaken:
            overtaken.pause(number)
            continue
        except Exception as error:
            if not write.outcome.nothing_written or not flag_refused(write, carried, error):
                raise
            continue
        if row is not None:
            write.carried, write.row = carried.keys(), row[1]
            return _shown(table, row, pending, names)
        write.outcome.nothing_written = True  # its one statement has found no row that it may write
        if newer is None:
            return None
        floor = newer
    key, tries = table.slots.key(write.pk), table.options.max_attempts
    raise Contended(f"Newer writes of {key} won {tries} times; nothing was written.")


def _attempt(
    write: DatabaseWrite, values: Values, pending: Fields, carried: Fields, if_match: str | None, added: Addition
) -> tuple[database.Row | None, int | None]:
    """Return the row as it was written; if it was not, None and the stamp of a newer one."""
    table, stamp = write.table, write.stamped.stamp  # type: ignore[union-attr]
    fields = carried | {name: (stamp, value) for name, value in values.items()}
    with telling_rows_from_statements(table, accepts_update), write.transaction():
        if if_match is not None:
            _check(table, write.pk, pending, if_match, below=stamp)
        if added.deltas:
            fields |= _incremented(table, write.pk, pending, added, stamp)
        hidden_too = table.is_hidden_by(carried)  # which may show it again
        row = database.apply(table, write.pk, fields, stamp, hidden_too=hidden_too)
        if row is None:
            return None, database.stamp_of(table, write.pk, hidden_too=hidden_too)
        write.hides = not database.is_shown(table, write.pk)
        return row, None


def _incremented(table: CachedTable, pk: Any, pending: Fields, added: Addition, stamp: int) -> Fields:
    """Lock the row; return what the fields are after the increment of what readers see, waiting and refused values too.

    Nothing where the row is as new as the write, which then takes a new stamp anyway.
    """
    row = database.lock(table, pk)
    if row is None or row[0] >= stamp:
        return {}
    shown = table.codec.laid_over(row[1], row[0], pending)
    return {name: (stamp, value) for name, value in counters.after(table, shown, added).items()}


def _shown(table: CachedTable, row: database.Row, pending: Fields, names: Collection[str]) -> Entry:
    """Return the row as readers see it: what is refused lies over it until a write names it."""
    stamp, written = row
    others = {name: field for name, field in refused(pending).items() if name not in names}
    with taken("database"):
        return Entry(table.codec.encode(table.codec.laid_over(written, stamp, others)), stamp, Origin.SOURCE)


def known_pending(write: DatabaseWrite, floor: int, patience: Callable[[], float]) -> Fields:
    """Stamp, and wait until no field waits that we do not know: our stamp would supersede what we cannot write.

    Args:
        patience: tells how many seconds to wait for a flush by another release; asked only where it must be waited for.
    """
    give_up = None
    while True:
        pending = write.stamp(floor).pending
        waiting = not_refused(pending)
        if not (unknown := unknown_fields.unknown(write.table, waiting)):
            return pending
        if len(unknown_fields.without_nobodys(write.table, write.pk, waiting)) < len(waiting):
            continue  # what is nobody's is flagged, and stops no write any more
        give_up = time.monotonic() + patience() if give_up is None else give_up
        if time.monotonic() > give_up:
            raise unknown_fields.refusal(write.table, write.pk, unknown)
        wake.wake(write.table.queue.name)
        time.sleep(FLUSH_PAUSE)


def _check(table: CachedTable, pk: Any, pending: Fields, if_match: str, below: int = stamps.END) -> None:
    """Compare with what readers see; not where the row is as new as the write, which then takes a new stamp anyway:
    what was refused since, and is not in the row, is only seen with that."""
    row = database.lock(table, pk, hidden_too=False)
    if row is not None and row[0] < below and etag(table, table.codec.overlay(row[1], row[0], pending)) != if_match:
        raise PreconditionFailed(f"{table.slots.key(pk)} is no longer what the caller has seen; nothing was written.")


def commit_insert(table: CachedTable, fields: Mapping[str, Any]) -> Committed:
    """Insert a row. Its pk is nobody's before the commit, so the mark may come after the INSERT.

    Raises:
        ValidationError: a value is invalid.
        DoesNotExist: a receiver of the save has deleted it; nothing was written.
        SourceUnavailable, QueueUnavailable: nothing was written.
        OutcomeUnknown: it may have been written; not acknowledged.
        Whatever the database refuses the values with.
    """
    return overtaken.again_if_overtaken(table, table.using, lambda: _commit_insert(table, fields))


def _commit_insert(table: CachedTable, fields: Mapping[str, Any]) -> Committed:
    with answering.answering():
        instance = valid_instance(table, fields)
    write = DatabaseWrite(table, None)
    setattr(instance, STAMP, write.stamp().stamp)
    try:
        with telling_rows_from_statements(table, accepts_insert), write.transaction():
            with noted(instance, WRITE, write):  # so that its save takes no steps of its own
                instance.save(force_insert=True, using=table.using)
            row = _mark_and_lock(write, instance)
            write.row = row[1]
    except Exception:
        write.restore_if_certain()
        raise
    return write, _shown(table, row, {}, ())


def _mark_and_lock(write: DatabaseWrite, instance: Any) -> database.Row:
    if instance.pk is not None:  # else a receiver has deleted the instance
        write.pk = write.table.to_pk(instance.pk)
        write.mark()
        if (row := database.lock(write.table, write.pk)) is not None:
            write.hides = not database.is_shown(write.table, write.pk)
            return row
    does_not_exist: type[Exception] = type(instance).DoesNotExist
    raise does_not_exist("The row that was to be created is not there: a receiver or a trigger has deleted it.")


def valid_instance(table: CachedTable, fields: Mapping[str, Any]) -> Any:
    """Return a new instance of these fields. Raises ValidationError; TypeError if the model has no such field."""
    columns = table.model._meta.concrete_fields
    by_name = {name: field for field in columns for name in (field.name, field.attname)}
    errors: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            if name in by_name:
                refuse_what_no_write_takes(by_name[name], value)
            storable(value)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)
    instance = table.model(**{_taken_by(by_name.get(name), name, value): value for name, value in fields.items()})
    table.codec.spell_key(instance)
    needless = {field.name for field in columns if _needs_no_form(field, fields, instance)}
    cleaning.clean_instance(instance, table.using, needless)
    table.codec.refuse_unreadable(instance)
    return instance


def _taken_by(field: Any, name: str, value: Any) -> str:
    """Return the name by which an instance takes a value: a foreign key's own is for rows, not for what names them."""
    return field.attname if field is not None and field.remote_field and not isinstance(value, models.Model) else name


def _needs_no_form(field: Any, fields: Mapping[str, Any], instance: Any) -> bool:
    """Whether a value is right whatever a form says: a default, or NULL where the column is for it."""
    is_defaulted = field.has_default() and not {field.name, field.attname} & fields.keys()
    return is_defaulted or (field.null and instance.__dict__.get(field.attname) is None)


def delete(table: CachedTable, pk: Any, if_match: str | None = None) -> None:
    """Delete a row, and what cascades from it, for good. The signals take the protocol's steps for each row.

    Raises:
        DoesNotExist, PreconditionFailed, ProtectedError, SourceUnavailable, QueueUnavailable: nothing was deleted.
        OutcomeUnknown: it may have been deleted; not acknowledged.
    """
    overtaken.again_if_overtaken(table, table.using, lambda: _delete(table, pk, if_match))


def _delete(table: CachedTable, pk: Any, if_match: str | None) -> None:
    with telling_rows_from_statements(table, accepts_deletion), transactions.writing(table.using):
        if if_match is not None:
            waiting, _ = table.queue.pending([pk], table.slots.version)
            _check(table, pk, waiting[0], if_match)
        instance: models.Model = table.shown_rows.get(pk=pk)
        takes = inspect.signature(instance.delete).parameters.values()
        if any(each.name == "using" or each.kind is inspect.Parameter.VAR_KEYWORD for each in takes):
            instance.delete(using=table.using)
        else:
            instance.delete()  # as an admin calls it: a project's own need not take a database
