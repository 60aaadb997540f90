"""Cache-aside and write-through: the source first, then the slot is emptied, or replaced."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from cachedemo.exceptions import Contended, OutcomeUnknown, PreconditionFailed, UnknownFieldWaiting
from cachedemo.patterns.save_state import WRITE
from cachedemo.protocol import database, wake
from cachedemo.protocol.codec import STAMP, Values, storable
from cachedemo.protocol.database_write import SourceWrite
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.waiting import Fields

if TYPE_CHECKING:
    from cachedemo.model_cache import ModelCache

FLUSH_PATIENCE = 5.0  # seconds to wait for a newer release's worker to flush a field that we do not know
FLUSH_PAUSE = 0.05


def update(cache: "ModelCache", pk: Any, values: Values, *, replace: bool, if_match: str | None = None) -> Entry:
    """Write the named fields to the source and return the row; then replace the slot, or empty it.

    Raises:
        DoesNotExist: there is no such row.
        PreconditionFailed: the row is not what `if_match` says.
        Contended, UnknownFieldWaiting, SourceUnavailable, QueueUnavailable: nothing was written.
        OutcomeUnknown: it may have been written; not acknowledged.
        Whatever the database refuses the values with.
    """
    write = SourceWrite(cache, pk)
    write.mark()
    try:
        entry = _commit(write, values, if_match)
    except OutcomeUnknown:
        raise  # mark and owed stay: whoever works them off empties the slot
    except Exception:
        write.restore()
        raise
    write.finish(entry if replace else None)
    if entry is None:
        write.restore()
        raise cache.missing(pk)
    write.settle_up()
    return entry


def _commit(write: SourceWrite, values: Values, if_match: str | None) -> Entry | None:
    """Write own fields and waiting ones at a stamp that is the row's newest; None if there is no row."""
    cache, floor = write.cache, 0
    for _ in range(cache.max_attempts):
        pending = _known_pending(write, floor)
        stamp = write.stamped.stamp  # type: ignore[union-attr]
        fields = pending | {name: (stamp, value) for name, value in values.items()}
        with database.writing(cache.using):
            if if_match is not None:
                _check(cache, write.pk, pending, if_match)
            row = database.apply(cache, write.pk, fields, stamp)
            newer = database.stamp_of(cache, write.pk) if row is None else None
        if row is not None:
            return Entry(cache.codec.encode(row[1]), row[0], Origin.SOURCE)
        if newer is None:
            return None
        floor = newer
    raise Contended(f"Newer writes of {cache.slots.key(write.pk)} won {cache.max_attempts} times; nothing was written.")


def _known_pending(write: SourceWrite, floor: int) -> Fields:
    """Stamp, and wait until no field waits that we do not know: our stamp would supersede what we cannot write."""
    patience = time.monotonic() + FLUSH_PATIENCE
    while True:
        pending = write.stamp(floor).pending
        unknown = pending.keys() - write.cache.codec.fields.keys()
        if not unknown:
            return pending
        if time.monotonic() > patience:
            raise UnknownFieldWaiting(
                f"{', '.join(sorted(unknown))} of {write.cache.slots.key(write.pk)} still waits for the source, and "
                f"only a newer release knows it; nothing was written."
            )
        wake.wake(str(write.cache.queue))
        time.sleep(FLUSH_PAUSE)


def _check(cache: "ModelCache", pk: Any, pending: Fields, if_match: str) -> None:
    row = database.lock(cache, pk)
    if row is not None and cache.etag(cache.codec.overlay(row[1], row[0], pending)) != if_match:
        raise PreconditionFailed(f"{cache.slots.key(pk)} is no longer what the caller has seen; nothing was written.")


def create(cache: "ModelCache", fields: Mapping[str, Any], *, replace: bool) -> Entry:
    """Insert a row and return it. Its pk is nobody's before the commit, so the mark may come after the INSERT.

    Raises:
        ValidationError: a value does not do.
        SourceUnavailable, QueueUnavailable: nothing was written.
        OutcomeUnknown: it may have been written; not acknowledged.
        Whatever the database refuses the values with.
    """
    with database.answering():
        instance = _valid_instance(cache, fields)
    write = SourceWrite(cache, "")
    setattr(instance, STAMP, write.stamp().stamp)
    setattr(instance, WRITE, write)  # the signals leave it to us
    try:
        with database.writing(cache.using):
            instance.save(force_insert=True, using=cache.using)
            del instance.__dict__[WRITE]  # whoever saves it again, the signals serve
            write.pk = instance.pk
            write.mark()
            row = database.lock(cache, instance.pk)
    except database.REFUSALS:
        if write.pk != "":
            write.restore()
        raise
    assert row is not None
    entry = Entry(cache.codec.encode(row[1]), row[0], Origin.SOURCE)
    write.finish(entry if replace else None)
    write.settle_up()
    return entry


def _valid_instance(cache: "ModelCache", fields: Mapping[str, Any]) -> Any:
    errors: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            storable(value)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)
    instance = cache.model(**fields)
    instance.clean_fields(exclude={field.name for field in cache.model._meta.fields if _is_defaulted(field, fields)})
    return instance


def _is_defaulted(field: Any, fields: Mapping[str, Any]) -> bool:
    return field.has_default() and not {field.name, field.attname} & fields.keys()


def delete(cache: "ModelCache", pk: Any, if_match: str | None = None) -> None:
    """Delete a row, and what cascades from it, for good. The signals take the protocol's steps for each row.

    Raises:
        DoesNotExist, PreconditionFailed, ProtectedError, SourceUnavailable, QueueUnavailable: nothing was deleted.
        OutcomeUnknown: it may have been deleted; not acknowledged.
    """
    with database.writing(cache.using):
        if if_match is not None:
            waiting, _ = cache.queue_of_writes.pending([pk], cache.slots.version)
            _check(cache, pk, waiting[0], if_match)
        instance: models.Model = cache.rows.get(pk=pk)
        instance.delete()
