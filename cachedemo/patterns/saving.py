"""A `save()` of a registered model: Django's own, and nothing that waits for the row is lost by it.

merge    (the default) a whole save writes the fields that differ from what the instance was loaded with; a save of
         named fields writes these. Either carries what waits for the other fields, each by its own stamp.
refuse   only if the row, with what waits for it, still is what the instance was loaded with.

No mark is put over the slot: nothing is filled by a save, and its finish empties whatever stands there by then.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from django.db import transaction

from cachedemo.exceptions import CachedemoError, Contended
from cachedemo.patterns import save_state, save_statement
from cachedemo.patterns.expressions import expressions_of, is_expression, read_by
from cachedemo.patterns.missed_fields import refuse_if_missed
from cachedemo.patterns.save_statement import Assigned
from cachedemo.protocol import aliases, database, descriptors, on_commit, overtaken, synchronous, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.flagged_fields import flag_refused
from cachedemo.protocol.inserted_values import watched
from cachedemo.protocol.on_commit import Finish
from cachedemo.protocol.outcomes import taken
from cachedemo.protocol.round_trips import try_assigned, try_instance
from cachedemo.protocol.values import unchanged
from cachedemo.protocol.waiting_fields import Fields, not_refused, refused

MERGE, REFUSE = "merge", "refuse"


class Save:
    """One save of one row under way.

    Args:
        whole: whether the caller named no fields.
        stale_saves: MERGE or REFUSE.
    """

    def __init__(self, table: CachedTable, instance: Any, using: str, *, whole: bool, stale_saves: str) -> None:
        self.table = table
        self.instance = instance
        self.using = using
        self.whole = whole
        self.refuses = stale_saves == REFUSE
        self.loaded = save_state.loaded_by(instance, using)
        self.write: DatabaseWrite | None = None
        self._inserted = False
        self._made: dict[str, Any] = {}  # what the fields' own `pre_save` have made of it, and an INSERT has sent
        self._computed: list[str] = []
        self._seen: dict[str, Any] = {}  # what the database has computed, where the save has it locked
        self._finish_hook: Finish | None = None

    def _pk(self) -> Any:
        """Return the key in the form that names the slot, which need not be the instance's; None if it has none."""
        key = getattr(self.instance, self.table.codec.pk.attname)
        return None if key is None or is_expression(key) else self.table.to_pk(key)

    # an UPDATE

    def update(self, send: Callable[[Any, list[Assigned]], Any], rows: Any, values: Sequence[Assigned]) -> Any:
        """Send Django's UPDATE with the fields that this save writes and with what waits; return what Django did.

        Args:
            send: Django's own way to update these rows with these values.
            rows: a queryset of the whole table, or of those rows of it that a project's own `_do_update` lets through.
            values: what Django would write.

        Raises:
            StaleInstance: the instance has missed an acknowledged write; nothing was written.
            UnknownFieldWaiting, Contended, QueueUnavailable: nothing was written.
            ValidationError: a value of a project's own field does not lead back to itself; nothing was written.
        """
        transactions.refuse_manual_transactions(self.using)
        cached = self.table.codec.fields
        mine = [each for each in values if each[0].attname in cached and self._writes(each)]
        others = [each for each in values if each[0].attname not in cached and each[0].attname != STAMP]
        try_assigned(self.table.codec.own_codecs, ((field, value) for field, _, value in mine))
        if not mine and not (self.refuses and self.loaded) and not read_by(expressions_of(others), cached):
            return self._without_steps(send, rows, others)
        return self._in_steps(send, rows, mine, others)

    def _writes(self, assigned: Assigned) -> bool:
        """Whether a save of this instance writes the field: by name, or because it has changed."""
        field, _, value = assigned
        if not self.whole or self.loaded is None or field.attname not in self.loaded or is_expression(value):
            return True
        return not unchanged(field, self.loaded[field.attname], value)

    def _without_steps(self, send: Any, rows: Any, others: list[Assigned]) -> Any:
        """Write fields that no cache has, if any."""
        if not others and self.whole:
            return [()] if rows.filter(pk=self.instance.pk).exists() else []  # as Django 6 has it; 5 wants a truth
        return send(rows, others)

    def _in_steps(self, send: Any, rows: Any, mine: list[Assigned], others: list[Assigned]) -> Any:
        floor = self.instance.__dict__.get(STAMP) or 0
        for _ in range(self.table.options.max_attempts):
            waiting = self._stamped(floor, {field.attname for field, _, _ in mine})
            updated = self._attempt(send, rows, mine, others, waiting)
            if updated:
                with nullcontext() if transactions.in_transaction(self.using) else taken("database"):
                    self._finish_update(mine, not_refused(waiting))
                return updated
            newer = database.stamp_of(self.table, self.instance.pk)
            if newer is None:
                return updated
            if not rows.filter(pk=self.instance.pk).exists():
                self._leave()
                return updated
            floor = newer
        raise Contended(f"Newer writes of {self.instance!r} won every try; nothing was written.")

    def _leave(self) -> None:
        """Owe nothing: a project's own `_do_update` does not let the row through, and says what becomes of the save."""
        assert self.write is not None
        self.write.withdraw()
        self.write = None  # an INSERT that Django may try next owes anew

    def is_there(self) -> bool:
        """Whether the database has the row."""
        return self.table.rows.using(self.using).filter(pk=self.instance.pk).exists()

    def _stamped(self, floor: int, names: set[str]) -> Fields:
        self.write = self.write or DatabaseWrite(self.table, self._pk(), names)
        try:
            return synchronous.known_pending(self.write, floor, self._patience)
        except CachedemoError:
            self.write.withdraw()
            raise

    def _patience(self) -> float:
        """Return the seconds to wait for a flush: none where it would wait for this very transaction."""
        return 0.0 if on_commit.wrote(self.using, self.table, self._pk()) else synchronous.FLUSH_PATIENCE

    def _attempt(self, send: Any, rows: Any, mine: list[Assigned], others: list[Assigned], waiting: Fields) -> Any:
        """Send the UPDATE; return what Django did, and nothing where it must be sent again."""
        assert self.write is not None
        carried = {name: field for name, field in not_refused(waiting).items() if name not in self._named(mine)}
        try:
            with self._undone_alone(mine, others, carried):
                return self._send(send, rows, mine, others, waiting)
        except Exception as error:
            certain = transactions.has_written_nothing(error, self.using)
            if overtaken.may_begin_anew(error, self.using) or (certain and flag_refused(self.write, carried, error)):
                return []
            if certain:
                self.write.withdraw()
            raise

    def _undone_alone(self, mine: list[Assigned], others: list[Assigned], carried: Fields) -> Any:
        """Return what is around the UPDATE: a transaction if there is more than one statement, and inside of one a
        savepoint if it carries what may be refused, for then it is sent again without it."""
        savepoint = bool(carried) and transactions.in_transaction(self.using)
        if savepoint or self.refuses or expressions_of([*mine, *others]):
            return transaction.atomic(self.using, savepoint=savepoint)
        return nullcontext()

    def _send(self, send: Any, rows: Any, mine: list[Assigned], others: list[Assigned], waiting: Fields) -> Any:
        assert self.write is not None
        assert self.write.stamped is not None
        if self.refuses:
            refuse_if_missed(self.table, self.instance, self.loaded, waiting, self.write.stamped.stamp)
        if expressions := expressions_of([*mine, *others]):  # computed from what waits, not from what is below it
            self._apply(waiting, expressions)
        updated = send(
            *save_statement.statement(self.table, rows, mine, others, not_refused(waiting), self.write.stamped.stamp)
        )
        if self.refuses and expressions_of(mine):
            self._seen = self._row(self._named(mine))
        return updated

    @staticmethod
    def _named(assigned: Sequence[Assigned]) -> set[str]:
        return {field.attname for field, _, _ in assigned}

    def _apply(self, waiting: Fields, expressions: list[Any]) -> None:
        """Write what waits; what is refused, only where an expression is computed from it: it is refused here then."""
        assert self.write is not None
        assert self.write.stamped is not None
        last = self.write.stamped.stamp - 1  # refused values are laid over any row
        read = read_by(expressions, self.table.codec.fields)
        used = {name: (last, value) for name, (_, value) in refused(waiting).items() if name in read}
        applied = not_refused(waiting) | used
        if applied:
            database.apply(self.table, self.instance.pk, applied, max(stamp for stamp, _ in applied.values()))

    def _finish_update(self, mine: list[Assigned], waiting: Fields) -> None:
        """Let the instance show what waited; empty the slots on commit."""
        assert self.write is not None
        assert self.write.stamped is not None
        names = {field.attname for field, _, _ in mine}
        self.write.carried = waiting.keys()
        setattr(self.instance, STAMP, self.write.stamped.stamp)
        if waiting.keys() - names:
            self._show(waiting.keys() - names)
        self._computed = [field.attname for field, _, value in mine if is_expression(value)]
        written = {field.attname: value for field, _, value in mine if not is_expression(value)}
        self._finish({self.table.codec.pk.attname: self.instance.pk} | self._seen | written)

    def _show(self, names: Any) -> None:
        """Take over what the row has now of the fields that were carried, but for what the instance has changed."""
        row, shown = self._row(names), self.instance.__dict__
        for name, value in row.items():
            field = self.table.codec.fields[name]
            if self.loaded and name in shown and unchanged(field, self.loaded.get(name, value), shown[name]):
                descriptors.show(self.instance, name, value)
        save_state.carried(self.instance, row)

    def _row(self, names: Any) -> dict[str, Any]:
        return self.table.rows.using(self.using).filter(pk=self.instance.pk).values(*names).first() or {}

    # an INSERT

    def insert(self, send: Callable[[Any], Any], fields: Any, *, raw: bool) -> Any:
        """Send Django's INSERT of these fields with a stamp of its own.

        Args:
            raw: whether no `pre_save` of theirs is asked, as by `loaddata`.
        """
        transactions.refuse_manual_transactions(self.using)
        try_instance(self.table.codec.own_codecs, self.instance, raw=raw)
        self.write = self.write or DatabaseWrite(self.table, self._pk())
        own = getattr(self.instance, STAMP)
        if self.write.stamped is None:
            self.write.stamp(floor=own)
        assert self.write.stamped is not None
        setattr(self.instance, STAMP, self.write.stamped.stamp)
        try:
            results = send(fields if raw else watched(self.table.codec, fields, self._note))
        except Exception as error:
            setattr(self.instance, STAMP, own)
            if transactions.has_written_nothing(error, self.using):
                self.write.withdraw()
            raise
        self._inserted = True
        return results

    def _note(self, instance: Any, attname: str, value: Any) -> None:
        if not is_expression(value):
            self._made[attname] = value

    def end(self) -> None:
        """Do what is left once Django is through with the table: only then a new row has its id, and from Django 6.0
        on the instance shows what the database has computed."""
        if self._inserted:
            self._finish_insert()
        shown = {name: self.instance.__dict__.get(name) for name in self._computed}
        known = {name: value for name, value in shown.items() if not is_expression(value)}
        if known and self._finish_hook is not None:
            save_state.saved(self.instance, known, self._finish_hook, self.using)

    def _finish_insert(self) -> None:
        """Mark a row that has just got its id, before its commit; empty the slots on commit."""
        assert self.write is not None
        self.write.pk = self._pk()
        self.write.mark()
        self._finish(save_state.shown(self.instance, self.table) | self._made)

    def _finish(self, shown: dict[str, Any]) -> None:
        assert self.write is not None
        self._finish_hook = self.write.as_finish()
        on_commit.finish_first(self.using, self._finish_hook)
        if not aliases.holds_the_row(self.instance, self.using):
            save_state.forget(self.instance)
        save_state.saved(self.instance, shown, self._finish_hook, self.using, self._computed)
