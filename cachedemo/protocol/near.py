"""The near cache of one registration: which copies a read may return, and what is copied (near_copies.py).

A copy may be behind. So none is used inside a transaction, nor for the base of a write.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import near_processes, on_commit, slot_kinds, stats, transactions
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near_copies import COPIES, Copy, Note

SHORTEST = 0.25  # seconds: the server is asked some times in it

Keeper = Callable[[bytes, Entry], None]  # copies a row, told of what its slot held and of what was taken from it

_VALUE = slot_kinds.VALUE.letter


class Near:
    """The copies of one registration's rows.

    Args:
        name: of the registration.
        seconds: by which a copy may be behind.
        timeout: seconds that a copy lives.

    Attributes:
        hits: how many copies were used; who uses one counts it.
        by_pk: the copies, some of which may be of no use any more.
    """

    def __init__(self, name: str, seconds: float, timeout: float) -> None:
        self.name = name
        self.seconds = seconds
        self.timeout = timeout
        self.hits = 0
        self.by_pk: dict[Any, Copy] = {}
        self._counted = 0
        self._metric = stats.metric(f"near:{name}")

    def copy(self, table: Any, pk: Any) -> Copy | None:
        """Return the copy of a row that a read may return now, None if there is none. Asks no server."""
        found = self.current(table.places, pk)
        if found is None or (transactions.in_transaction(table.using) and _may_differ(table, pk)):
            return None
        return found

    def current(self, places: Any, pk: Any) -> Copy | None:
        """Return the same where no transaction of this thread can be under way.

        Args:
            places: where the rows are cached now.
        """
        found = self.by_pk.get(pk)
        if found is None:
            return None
        now = monotonic()
        if now - found.feed.confirmed >= self.seconds or now > found.expires or found.route is not found.server.route:
            return None
        return found if found.places is places and places.announced and places.closed is None else None

    def copies(self, table: Any, pks: Iterable[Any]) -> dict[Any, Copy]:
        """Return the copy of each of these rows that has one, as `copy` does."""
        return {pk: found for pk in pks if (found := self.copy(table, pk)) is not None}

    def keeper(self, places: Any, pk: Any) -> Keeper | None:
        """Return what copies a row that is about to be read, told of its slot; None if it is not to be copied."""
        note = self._note(places, pk)
        return None if note is None else lambda slot, entry: self._keep(note, slot, entry)

    def _note(self, places: Any, pk: Any) -> Note | None:
        if places.prefix is None or places.closed is not None:
            return None
        with suppress(CacheUnavailable):  # no server is known to have it, as the read will find
            return COPIES.note(self, places, pk)
        return None

    def _keep(self, note: Note, slot: bytes, entry: Entry) -> None:
        """Copy what a read found in a slot, if it is a value, and nothing has changed since the note."""
        if slot.startswith(_VALUE):
            COPIES.keep(note, entry, self.timeout)

    def count(self) -> None:
        """Pass on to the statistics what was not counted there yet: nothing else is done at a hit."""
        hits = self.hits
        stats.count(self._metric, hits - self._counted)
        self._counted = hits


stats.also_said.append(near_processes.to_say)


def _may_differ(table: Any, pk: Any) -> bool:
    """Whether the transaction under way sees another row. That which a TestCase puts around a test counts as none."""
    return transactions.sees_a_snapshot(table.using) or on_commit.wrote(table.using, table, pk)
