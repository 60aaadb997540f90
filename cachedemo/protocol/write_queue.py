"""The queue of one model as the protocol asks it: `FlushQueue` where writes may wait, `NoQueue` where none does."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from cachedemo.protocol.increments import Changes
from cachedemo.protocol.waiting import (
    Claim,
    Claimed,
    Enqueued,
    Names,
    NotQueued,
    Owed,
    Settled,
    Stamp,
    StampOfMany,
    Stopped,
    ToQueue,
)
from cachedemo.protocol.waiting_fields import Fields


class WriteQueue(ABC):
    """Stamps, the writes that wait for the database, and who is working on them.

    Args:
        name: as people and tasks say it, for example `flush:users`.

    Attributes:
        list_key: the key of the Redis list.
    """

    is_shared = True  # whether other processes are told of the model's tables and versions

    def __init__(self, name: str) -> None:
        self.name = name
        self._put_under("")

    def under(self, prefix: str) -> Self:
        """Return the same queue with this before every key, inside their braces (see `key_prefix.py`)."""
        queue = copy.copy(self)
        queue._put_under(prefix)
        return queue

    def _put_under(self, prefix: str) -> None:
        self.list_key = prefix + self.name
        self._base = f"{{{self.list_key}}}:"

    def key(self, part: str) -> str:
        """Return the name of one of the queue's other keys, for example `{flush:users}:pending`."""
        return self._base + part

    def parts(self) -> "Sequence[WriteQueue]":
        """Return the queues whose keys have what waits: this one, or each of its shards."""
        return [self]

    def known_parts(self) -> "Sequence[WriteQueue]":
        """Return the same as far as this process knows, without asking."""
        return self.parts()

    def heard(self, record: Any) -> bool:
        """Take in what stands at the key `shards`, or None where that is not known; return whether it is news."""
        return False

    def part_of(self, pk: Any) -> "WriteQueue":
        """Return the one of these that a row waits in."""
        return self

    def is_changing(self) -> bool:
        """Return whether the number of its shards is being changed."""
        return False

    # for readers

    @abstractmethod
    def pending(self, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        """Return the fields that wait for each row, and what is announced of `version`, in one round trip."""

    # for versions

    @abstractmethod
    def announce(self, version: str, record: bytes) -> bytes:
        """Note that a version is in use, unless it is noted already; return what is noted of it."""

    @abstractmethod
    def versions(self) -> dict[str, bytes]:
        """Return what is noted of each version that is live or retiring."""

    # for writers of the database

    @abstractmethod
    def stamp(self, pk: Any, token: str, owed_for: float, floor: int, version: str) -> Stamp:
        """Hand out a stamp above `floor` for a write of `pk` (None for a row to be created).

        Args:
            token: names the writer, who is owed from now on.
            owed_for: seconds after which the writer counts as dead.
            version: the writer's own.
        """

    @abstractmethod
    def stamp_deletion(self, pk: Any, token: str, owed_for: float, version: str) -> Stamp:
        """Hand out a stamp for a deletion; write-behind of the row is refused from here on."""

    @abstractmethod
    def stamp_many(self, pks: Sequence[Any], token: str, owed_for: float, floor: int) -> StampOfMany:
        """Hand out one stamp for a write of these rows, which the writer has locked; without rows, of new ones."""

    @abstractmethod
    def settle_up(
        self, pk: Any, token: str, stamp: int, versions: Iterable[str], version: str, names: Names = ()
    ) -> Settled:
        """Drop what the write at `stamp` superseded.

        Args:
            versions: those whose slots the writer has seen to, or is about to.
            version: the writer's own.
            names: the fields that it wrote. Only these are dropped if they are refused.
        """

    @abstractmethod
    def settle_up_many(
        self, pks: Sequence[Any], token: str, stamp: int, versions: Sequence[str], names: Names = ()
    ) -> list[str]:
        """Do the same for a write of many rows; return the versions whose slots must still be emptied."""

    @abstractmethod
    def refuse(
        self, pk: Any, fields: Fields, error: str, made_of: Mapping[str, Changes] = MappingProxyType({})
    ) -> bool:
        """Flag waiting fields that the database has refused; return whether one of them still waited.

        Args:
            made_of: what the value of a field takes the place of, if all of it still waits.
        """

    @abstractmethod
    def owe(self, pks: Iterable[Any]) -> None:
        """Note that the slots of these rows must be emptied as soon as the cache answers."""

    # for write-behind

    @abstractmethod
    def enqueue(
        self,
        pk: Any,
        floor: int,
        max_pending: int,
        values: Mapping[str, Any],
        fsync_within: float | None = None,
        deltas: Mapping[str, Any] = MappingProxyType({}),
    ) -> Enqueued:
        """Take a write of the named fields (JSON values); from here on it must not be lost.

        Args:
            floor: the stamp of the value that the writer saw; the write's is above it.
            max_pending: how many rows may wait.
            fsync_within: seconds within which the server must have it on disk; None trusts its own policy.
            deltas: what is added to fields: whole numbers, or Decimals.

        Raises:
            NotQueued: the row is gone, the queue is full, or a live version knows no increments.
            OutcomeUnknown: the queue may have it, and it is not acknowledged: no answer, or not on disk in time.
        """

    # for the flush

    @abstractmethod
    def enqueue_many(
        self, rows: Sequence[ToQueue], max_pending: int, fsync_within: float | None = None
    ) -> list[Enqueued | NotQueued]:
        """Take a write for each of these rows in one round trip; return for each what `enqueue` does, or why not.

        Raises:
            QueueUnavailable: nothing was written.
            OutcomeUnknown: the queue may have some of them; none is acknowledged.
        """

    @abstractmethod
    def claim(self, batch_size: int, claim_for: float, max_reaped: int) -> Claimed:
        """Take up to `batch_size` rows for `claim_for` seconds; return them and the versions."""

    @abstractmethod
    def ack(self, stamps: Mapping[str, int]) -> bool:
        """Drop what the database has now: pk -> the newest stamp that was flushed.

        Returns whether flushing had stopped; it has not any more.
        """

    def ack_and_claim(
        self, stamps: Mapping[str, int], batch_size: int, claim_for: float, max_reaped: int
    ) -> tuple[bool, Claimed]:
        """Do both, in one step where that can be."""
        return self.ack(stamps), self.claim(batch_size, claim_for, max_reaped)

    @abstractmethod
    def stop(self, error: str) -> bool:
        """Note that flushing has stopped, until the next `ack`; return whether that is news."""

    @abstractmethod
    def stopped(self) -> Stopped | None:
        """Return since when flushing has stopped, and why; None if it has not."""

    @abstractmethod
    def release(self, pks: Iterable[str]) -> None:
        """Give claimed rows back."""

    @abstractmethod
    def park(self, pk: str) -> None:
        """Leave a claimed row to another worker: an early deadline brings it back, at the end, uncounted."""

    @abstractmethod
    def refile(self, old: str, new: str, passed: int) -> bool:
        """File what waits under one text of a key under another; return whether that was done, or must wait.

        Of a field that waits under both, the newer write stays.

        Args:
            passed: the stamp of the row: what is older would never be written.
        """

    @abstractmethod
    def waiting_pks(self) -> list[str]:
        """Return the texts under which something waits, dead letters among them; the oldest first."""

    @abstractmethod
    def bury(self, claim: Claim, error: str, names: Iterable[str] | None = None) -> bool:
        """Make a refused row a dead letter; return whether it is one now (a newer write may have come).

        Args:
            names: the fields that are refused; None for all. The others wait again.
        """

    @abstractmethod
    def reap(self, claim_for: float, owed_for: float) -> tuple[list[Owed], list[str]]:
        """Give overdue claims back; return what is owed by now, and the versions.

        Args:
            claim_for, owed_for: seconds, the furthest that deadlines can be off; one that is further was noted before
                the queue's clock was set back, and counts from now.
        """

    @abstractmethod
    def paid(self, owed: Iterable[Owed]) -> None:
        """Note that the slots of these rows are empty: nothing is owed any more, unless it was owed anew."""

    # for operators

    @abstractmethod
    def retry(self, pks: Iterable[str]) -> int:
        """Give dead letters back to the list; return how many of these rows that were.

        Those stay dead that a writer of the database is under way to.
        """

    @abstractmethod
    def discard(self, pks: Iterable[str]) -> int:
        """Forget dead letters and note that their slots are owed; return how many of these rows were dead."""

    @abstractmethod
    def closed(self) -> bytes | None:
        """Return the note of who has switched off; None while it is open. See `closed_notes.py`."""

    @abstractmethod
    def close(self, note: bytes) -> bytes:
        """Close it, unless it is closed already; return the note that stands there now."""

    @abstractmethod
    def end_closing(self, note: bytes, ended: bytes) -> str:
        """Forget all versions, if nothing waits and it is the same note still; see `lua/end_closing.lua`."""

    @abstractmethod
    def open(self, note: bytes) -> bool:
        """Open it again, if it is the same note still; return whether it was."""

    @abstractmethod
    def in_line(self) -> int:
        """Return how many rows a flush has still to write."""

    @abstractmethod
    def in_flight(self) -> int:
        """Return how many rows flushes have claimed and not yet written."""

    @abstractmethod
    def depth(self) -> int:
        """Return how many rows wait, dead letters included."""

    @abstractmethod
    def lag(self) -> float:
        """Return the age in seconds of the oldest write in line, 0 if there is none; a dead letter does not age."""

    @abstractmethod
    def dead(self, pks: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Return the dead letters, or those of these rows: pk -> error, when, and the refused stamps."""

    @abstractmethod
    def dead_count(self) -> int:
        """Return how many rows are dead letters."""

    @abstractmethod
    def owed(self) -> tuple[int, float]:
        """Return how many writers are owed something, and how many seconds the oldest is overdue."""

    @abstractmethod
    def written_now(self) -> set[str]:
        """Return the keys of the rows that somebody is writing, who does not count as dead yet."""

    @abstractmethod
    def waits(self, pks: Sequence[Any]) -> list[bool]:
        """Return for each row whether a write waits for it."""
