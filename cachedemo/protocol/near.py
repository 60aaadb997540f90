"""The near cache of one registration: which copies a read may return, and what is copied (near_copies.py).

A copy may be behind. So none is used inside a transaction, nor for the base of a write.
"""

from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from cachedemo.exceptions import CacheUnavailable
from cachedemo.protocol import on_commit, slot_kinds, transactions
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near_copies import COPIES, Copy, Note
from cachedemo.servers.roles import CACHE

SHORTEST = 0.25  # seconds: the server is asked some times in it

_VALUE = slot_kinds.VALUE.letter


class Near:
    """The copies of one registration's rows.

    Args:
        seconds: by which a copy may be behind.
        timeout: seconds that a copy lives.
    """

    def __init__(self, seconds: float, timeout: float) -> None:
        self.seconds = seconds
        self.timeout = timeout

    def copy(self, table: Any, pk: Any) -> Copy | None:
        """Return the copy of a row that a read may return now, None if there is none. Asks no server."""
        found = self.current(table.places, pk)
        if found is None or (transactions.in_transaction(table.using) and _may_differ(table, pk)):
            return None
        COPIES.hits += 1
        return found

    def hit(self, copy: Copy) -> Copy:
        """Count a copy that `current` has returned, and that is used."""
        COPIES.hits += 1
        return copy

    def copies(self, places: Any, pks: Iterable[Any]) -> dict[Any, Entry]:
        """Return an entry for each row that has a copy, as `current` does, and count them."""
        return {pk: self.hit(copy).entry for pk in pks if (copy := self.current(places, pk)) is not None}

    def current(self, places: Any, pk: Any) -> Copy | None:
        """Return the same where no transaction of this thread can be under way.

        Args:
            places: where the rows are cached now.
        """
        slots = places.slots
        found = COPIES.by_key.get(slots.prefix + str(pk) if CACHE.is_one else slots.key(pk))
        if found is None:
            return None
        feed, now = found.feed, monotonic()
        if now - feed.confirmed >= self.seconds or now > found.expires or feed.settings is not CACHE.settings:
            return None
        return found if places.announced and places.closed is None else None

    def note(self, places: Any, pk: Any) -> Note | None:
        """Return what `keep` wants to know of a row's slot, before it is asked for; None if it is not to be copied."""
        if places.prefix is None or places.closed is not None:
            return None
        slots = places.slots
        with suppress(CacheUnavailable):  # no server is known to have it, as the read will find
            return COPIES.note(f"{slots.name}.{slots.version}", slots.prefix, slots.key(pk), self.seconds)
        return None

    def keep(self, note: Note | None, slot: bytes, entry: Entry) -> None:
        """Copy what a read found in a slot, if it is a value, and nothing has changed since the note."""
        if note is not None and slot.startswith(_VALUE):
            COPIES.keep(note, entry, self.timeout)


def _may_differ(table: Any, pk: Any) -> bool:
    """Whether the transaction under way sees another row. That which a TestCase puts around a test counts as none."""
    return transactions.sees_a_snapshot(table.using) or on_commit.wrote(table.using, table, pk)
