"""One queue as the queue page shows it."""

from dataclasses import dataclass
from typing import Any

from cachedemo.admin.action_requests import Button
from cachedemo.admin.waiting_rows import Claimed, WaitingRow
from cachedemo.model_cache import ModelCache
from cachedemo.protocol.waiting import Stopped


@dataclass
class QueueState:
    """One queue as the page shows it."""

    cache: ModelCache
    depth: int
    listed: int
    oldest: float | None
    in_flight: int
    claims: list[Claimed]
    rows: list[WaitingRow]
    dead: int
    owed: int
    overdue: float  # seconds since the oldest of these slots should have been emptied
    paused: dict[str, Any] | None
    stopped: Stopped | None
    stopped_sentence: str
    buttons: list[Button]

    @property
    def more(self) -> int:
        """How many rows wait that are not shown."""
        return max(0, self.depth - len(self.rows))
