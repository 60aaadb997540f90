"""What stands in for the queue of a model that never uses write-behind: nothing waits, and nobody else is asked.

Stamps come from this machine's clock, there is one version, and what a dying writer leaves stays until it expires.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cachedemo.protocol import stamps
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
from cachedemo.protocol.write_queue import WriteQueue


class NoQueue(WriteQueue):
    """Answers as an empty queue would.

    Args:
        name: as people say it.
        version: the only one there is.
    """

    is_shared = False

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name)
        self.version = version
        self._record = b""

    def pending(self, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        return [{} for _ in pks], self._record

    def announce(self, version: str, record: bytes) -> bytes:
        self._record = record
        return record

    def versions(self) -> dict[str, bytes]:
        return {self.version: self._record}

    def stamp(self, pk: Any, token: str, owed_for: float, floor: int, version: str) -> Stamp:
        return Stamp(max(time.time_ns() // 1000, stamps.proper(floor) + 1), {}, [self.version], self._record)

    def stamp_deletion(self, pk: Any, token: str, owed_for: float, version: str) -> Stamp:
        return self.stamp(pk, token, owed_for, 0, version)

    def stamp_many(self, pks: Sequence[Any], token: str, owed_for: float, floor: int) -> StampOfMany:
        stamp = self.stamp(None, token, owed_for, floor, self.version).stamp
        return StampOfMany(stamp, [{} for _ in pks], [self.version])

    def settle_up(
        self, pk: Any, token: str, stamp: int, versions: Iterable[str], version: str, names: Names = ()
    ) -> Settled:
        return Settled([], self._record)

    def settle_up_many(
        self, pks: Sequence[Any], token: str, stamp: int, versions: Sequence[str], names: Names = ()
    ) -> list[str]:
        return []

    def refuse(
        self, pk: Any, fields: Fields, error: str, made_of: Mapping[str, Changes] = MappingProxyType({})
    ) -> bool:
        return False

    def owe(self, pks: Iterable[Any]) -> None:
        """Nobody empties the slots later: they expire."""

    def enqueue(
        self,
        pk: Any,
        floor: int,
        max_pending: int,
        values: Mapping[str, Any],
        fsync_within: float | None = None,
        deltas: Mapping[str, Any] = MappingProxyType({}),
    ) -> Enqueued:
        raise NotQueued("no queue")

    def enqueue_many(
        self, rows: Sequence[ToQueue], max_pending: int, fsync_within: float | None = None
    ) -> list[Enqueued | NotQueued]:
        return [NotQueued("no queue") for _ in rows]

    def claim(self, batch_size: int, claim_for: float, max_reaped: int) -> Claimed:
        return Claimed([], [self.version])

    def ack(self, stamps: Mapping[str, int]) -> bool:
        return False

    def stop(self, error: str) -> bool:
        return False

    def stopped(self) -> Stopped | None:
        return None

    def release(self, pks: Iterable[str]) -> None:
        """Nothing was claimed."""

    def park(self, pk: str) -> None:
        """Nothing was claimed."""

    def refile(self, old: str, new: str, passed: int) -> bool:
        return False

    def waiting_pks(self) -> list[str]:
        return []

    def bury(self, claim: Claim, error: str, names: Iterable[str] | None = None) -> bool:
        return False

    def reap(self, claim_for: float, owed_for: float) -> tuple[list[Owed], list[str]]:
        return [], [self.version]

    def paid(self, owed: Iterable[Owed]) -> None:
        """Nothing was owed."""

    def retry(self, pks: Iterable[str]) -> int:
        return 0

    def discard(self, pks: Iterable[str]) -> int:
        return 0

    def closed(self) -> bytes | None:
        return None

    def close(self, note: bytes) -> bytes:
        raise NotImplementedError("Nobody would be told: see operations/switch.py.")

    def end_closing(self, note: bytes, ended: bytes) -> str:
        raise NotImplementedError

    def open(self, note: bytes) -> bool:
        return False

    def in_line(self) -> int:
        return 0

    def in_flight(self) -> int:
        return 0

    def depth(self) -> int:
        return 0

    def lag(self) -> float:
        return 0.0

    def dead(self, pks: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        return {}

    def dead_count(self) -> int:
        return 0

    def owed(self) -> tuple[int, float]:
        return 0, 0.0

    def written_now(self) -> set[str]:
        return set()

    def waits(self, pks: Sequence[Any]) -> list[bool]:
        return [False for _ in pks]
