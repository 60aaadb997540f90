"""Updates and creates of many rows in one call, in a fixed number of round trips for a thousand of them."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import ValidationError

from cachedemo.patterns import write_behind_many
from cachedemo.protocol import answering, synchronous
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.chunks import CHUNK, in_chunks
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.primary_keys import NotHeld

Rows = dict[Any, Values]


def cleaned(table: CachedTable, rows: Mapping[Any, Mapping[str, Any]]) -> Rows:
    """Validate all of it: key -> JSON values. A key that its column cannot hold is left out: no row has it.

    Raises:
        FieldError, ValidationError: what is wrong with a row, in whose note its key stands.
    """
    found: Rows = {}
    for key, fields in rows.items():
        with _noting(f"In the row {key!r}."), answering.answering():
            values = table.codec.clean(fields)
            try:
                pk = table.to_pk(key)
            except NotHeld:
                continue
            if pk in found:
                raise ValidationError("Another key of these names the same row.", code="twice")
        found[pk] = values
    return found


def valid_instances(table: CachedTable, rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return new instances. Raises as `create` does, with a note that says which row it is."""
    found = []
    for number, fields in enumerate(rows):
        with _noting(f"In the row at position {number}."), answering.answering():
            found.append(synchronous.valid_instance(table, fields))
    return found


class _noting:
    """Note on an exception where it comes from."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is not None:
            error.add_note(self.note)


def update_behind(table: CachedTable, rows: Rows, through: Callable[[Rows], dict[Any, Entry]]) -> dict[Any, Entry]:
    """Queue what can wait, and let the rest go write-through: first what is known to have to, since it may be refused.

    Raises as `write_behind_many.update` and `through` do; OutcomeUnknown once something was written.
    """
    bases = {pk: base for some in _chunks(rows) for pk, base in write_behind_many.bases(table, some).items()}
    entries = through({pk: rows[pk] for pk, base in bases.items() if base is None})
    refused: Rows = {}
    for some in in_chunks(pk for pk, base in bases.items() if base is not None):
        with taken("queue") if entries else nullcontext():
            shown = write_behind_many.update(table, {pk: base for pk in some if (base := bases[pk]) is not None})
        entries |= {pk: entry for pk, entry in shown.items() if entry is not None}
        refused |= {pk: rows[pk] for pk, entry in shown.items() if entry is None}
    with taken("queue") if entries else nullcontext():
        return entries | through(refused)


def _chunks(rows: Rows) -> Iterable[Rows]:
    return ({pk: rows[pk] for pk in some} for some in in_chunks(rows, CHUNK))
