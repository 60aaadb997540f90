"""What stands in for the queue of a model that never uses write-behind: nothing waits, and nobody else is asked.

Stamps come from this machine's clock, there is one version, and what a dying writer leaves stays until it expires.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.waiting import Claim, Enqueued, Fields, Owed, Refusal, Stamp


class NoQueue(FlushQueue):
    """Answers as an empty `FlushQueue` would.

    Args:
        version: the only one there is.
    """

    def __init__(self, version: str) -> None:
        super().__init__("")
        self.version = version
        self._record = b""

    def announce(self, version: str, record: bytes) -> bytes:
        self._record = record
        return record

    def versions(self) -> dict[str, bytes]:
        return {self.version: self._record}

    def pending(self, pks: Sequence[Any], version: str) -> tuple[list[Fields], bytes | None]:
        return [{} for _ in pks], self._record

    def stamp(
        self, pk: Any, token: str, owed_for: float, floor: int = 0, gone: bool = False, version: str = ""
    ) -> Stamp:
        return Stamp(max(time.time_ns() // 1000, floor + 1), {}, [self.version], self._record)

    def settle_up(self, pk: Any, token: str, stamp: int, versions: Iterable[str]) -> list[str]:
        return []

    def owe(self, pks: Iterable[Any]) -> None:
        pass

    def enqueue(
        self, pk: Any, floor: int, max_pending: int, values: Any, fsync_within: float | None = None
    ) -> Enqueued:
        raise Refusal("no queue")

    def claim(self, batch_size: int, claim_for: float, max_reaped: int) -> tuple[list[Claim], list[str]]:
        return [], [self.version]

    def reap(self) -> tuple[list[Owed], list[str]]:
        return [], [self.version]

    def depth(self) -> int:
        return 0

    def dead(self, pks: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        return {}

    def dead_count(self) -> int:
        return 0

    def owed(self) -> tuple[int, float]:
        return 0, 0.0

    def waits(self, pks: Sequence[Any]) -> list[bool]:
        return [False for _ in pks]
