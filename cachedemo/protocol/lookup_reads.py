"""Reads by a unique field: the hint says which row, and the row's own slot decides whether it has the value.

Without a hint, or where the row that it names has another value, the database says which row; where that row's slot
disagrees, the row is read from the database. That there is no such row is never remembered.

A copy in this process (near.py) is as good as the slot where it has the value. Where not, it says nothing: it may
be of before the row took it. A hint is asked for each time, so nobody is shown that has lost the value to another.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import FieldError

from cachedemo.exceptions import CacheUnavailable, Contended
from cachedemo.protocol import hints, leases, loading, near_reads, reads, rows_by_value, slot_format, transactions
from cachedemo.protocol.cached_table import CachedTable
from cachedemo.protocol.codec import Values
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.hint_slots import hint_and_lifetime, pk_text
from cachedemo.protocol.lookup_fields import Lookup
from cachedemo.protocol.near import Near
from cachedemo.protocol.near_copies import Copy
from cachedemo.protocol.primary_keys import NotHeld

Row = tuple[Entry, Values]


def find_named(table: CachedTable, named: Mapping[str, Any], fresh: bool = False) -> Row:
    """Do what `find` does for one field and its value, as a caller names them.

    Args:
        fresh: take no copy.

    Raises:
        FieldError: that is not one field, or rows are not looked up by it.
        ValidationError: it is no value of the field. And as `find`.
    """
    if len(named) != 1:
        raise FieldError(f"A lookup names one field, and not {', '.join(named) or 'none'}.")
    [(name, value)] = named.items()
    lookup = table.lookup(name)
    try:
        return find(table, lookup, lookup.asked(value), None if fresh else table.near)
    except NotHeld:
        raise rows_by_value.missing(table, lookup) from None


def instance(table: CachedTable, row: Row) -> Any:
    """Return the model instance of a row that was found."""
    entry, values = row
    return table.codec.instance(values, entry.stamp, table.using)


def find(table: CachedTable, lookup: Lookup, asked: Any, near: Near | None) -> Row:
    """Return the row that has this value, as no older than any write acknowledged before.

    Args:
        asked: a value as `Lookup.asked` returns it.
        near: whose copies it may be, and as old as they may be.

    Raises:
        DoesNotExist: no row has it.
        Contended: the row that has it was another with every try.
        And what `rows_by_value.named` raises.
    """
    search = Search(table, lookup, asked, near)
    if reads.is_announced(table):
        with contextlib.suppress(CacheUnavailable):
            return search.by_hint()
    return search.by_database()


def copied(table: CachedTable, lookup: Lookup, copy: Copy | None, asked: Any) -> Row | None:
    """Return a copied row, and count that it was used, if it has the value; None says nothing of what the row has."""
    if copy is None or (row := shown(table, lookup, copy.entry, asked)) is None:
        return None
    copy.note.reader.hits += 1
    return row


def shown(table: CachedTable, lookup: Lookup, entry: Entry | None, asked: Any) -> Row | None:
    """Return a row that was read, if it has the value. What is not ours has none: a read of the row throws it out."""
    if entry is not None and entry.body is not None:
        with contextlib.suppress(ValueError):
            values = table.codec.decode(entry.body)
            return (entry, values) if has_it(lookup, values, asked) else None
    return None


def has_it(lookup: Lookup, values: Values, asked: Any) -> bool:
    """Whether a row with these values has the one that was asked for."""
    return bool(values[lookup.attname] == asked)


def pk_in(table: CachedTable, hint: bytes | None) -> Any:
    """Return the key of the row that a hint names; None if it names none."""
    text = pk_text(hint)
    return table.codec.to_pk(text) if text is not None and table.codec.is_pk(text) else None


class Search:
    """One value of one field that is looked up."""

    def __init__(self, table: CachedTable, lookup: Lookup, asked: Any, near: Near | None = None) -> None:
        self.table = table
        self.lookup = lookup
        self.asked = asked
        self.near = near
        self.text = hints.text_of(asked)
        self.hints = table.hints[lookup.attname]

    def by_hint(self) -> Row:
        """Find the row by the hint, or by the database under the hint's lease. Raises CacheUnavailable."""
        lease = None if transactions.sees_a_snapshot(self.table.using) else slot_format.new_lease()
        hint = self.hints.get(self.text)
        if hint is None and lease and (hint := self.hints.take_lease(self.text, lease)) is None:
            return self.by_database(lease)
        if hint is not None and slot_format.is_lease(hint):
            hint = self._wait(hint)
        if hint is None:
            return self.by_database()
        pk = pk_in(self.table, hint)
        if pk is not None and (row := self._shown(pk)):
            return row
        self.hints.put(hint, {self.text: None})  # if it is still that one
        mine = lease is not None and self.hints.take_lease(self.text, lease) is None
        return self.by_database(lease if mine else None)

    def _wait(self, hint: bytes) -> bytes | None:
        """Wait for what the holder of another lease finds; None if that is nothing, which everybody asks for anew."""
        pause, patience = leases.FIRST_PAUSE, time.monotonic() + self.table.options.lease_timeout
        found: bytes | None = hint
        while found is not None and slot_format.is_lease(found):
            if time.monotonic() > patience:
                self.hints.put(found, {self.text: None})
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, leases.LONGEST_PAUSE)
            found = self.hints.get(self.text)
        return found

    def by_database(self, lease: bytes | None = None) -> Row:
        """Find the row that the database names.

        Args:
            lease: ours, in the hint; it is filled, or given back.
        """
        pk = self._named() if lease is None else self._remembered(lease)
        tried = set()
        for _ in range(self.table.options.max_attempts):
            if pk is None:
                break
            if row := self._shown(pk) or self._loaded(pk):
                return row
            tried.add(pk)
            pk = self._named()
        if pk is not None and len(tried) > 1:
            raise Contended(f"The row that has this {self.lookup.field.name} was another with every try: ask again.")
        raise rows_by_value.missing(self.table, self.lookup)  # or what waits for the row, or was refused, says so

    def _named(self) -> Any:
        return rows_by_value.named(self.table, self.lookup, {self.text: self.asked}).get(self.text)

    def _remembered(self, lease: bytes) -> Any:
        """Return what the database names, and put it in the place of the lease."""
        pk = None
        try:
            may_fill = rows_by_value.may_be_remembered(self.table, self.lookup)
            found = self._named()
            pk = found if may_fill else None
        finally:
            with contextlib.suppress(CacheUnavailable):  # then the lease expires by itself
                hint = None if pk is None else hint_and_lifetime(pk, self.hints.timeout)
                self.hints.put(lease, {self.text: hint})
        return found

    def _shown(self, pk: Any) -> Row | None:
        """Return the row as every read shows it, if it has the value."""
        copy = None if self.near is None else self.near.copy(self.table, pk)
        if row := copied(self.table, self.lookup, copy, self.asked):
            return row
        try:
            row = near_reads.find_values(self.table, self.near, pk)
        except self.table.model.DoesNotExist:  # type: ignore[attr-defined]
            return None
        return row if has_it(self.lookup, row[1], self.asked) else None

    def _loaded(self, pk: Any) -> Row | None:
        """Return the row as the database has it now, with what waits for it, if it has the value."""
        entry, _ = loading.load(self.table, pk)
        if entry.body is None:
            return None
        values = self.table.codec.decode(entry.body)
        return (entry, values) if has_it(self.lookup, values, self.asked) else None
