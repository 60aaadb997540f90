"""What stands in for the slots while an operator has switched off: none of our version is used.

Our version is not in use then, so the cache is asked only where another is, or ours again: its slots are emptied.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cachedemo.protocol.entries import Entry
from cachedemo.protocol.no_slots import NoSlots
from cachedemo.protocol.slots import Slots


class ClosedSlots(NoSlots):
    """Empties the slots of those versions that the queue names, and does nothing else.

    Args:
        slots: those of the server.
    """

    def __init__(self, slots: Slots) -> None:
        super().__init__(slots.name, slots.version, slots.timeout, slots.missing_timeout, slots.lease_ms / 1000)
        self._put_under(slots._before)
        self._slots = slots

    def finish(self, pk: Any, writer: str, entry: Entry | None, versions: Iterable[str], server: bytes = b"") -> None:
        self.drop([pk], versions)

    def publish(self, pk: Any, base: bytes | None, entry: Entry, versions: Iterable[str]) -> bytes | None:
        self.drop([pk], versions)
        return None

    def publish_many(
        self, shown: Mapping[Any, tuple[bytes | None, Entry]], versions: Iterable[str]
    ) -> dict[Any, bytes | None]:
        self.drop(shown, versions)
        return dict.fromkeys(shown)

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        self.drop(stamps, versions)

    def drop(self, pks: Iterable[Any], versions: Iterable[str]) -> int:
        versions = list(versions)
        return self._slots.drop(pks, versions) if versions else 0

    def drop_all(self, versions: Iterable[str]) -> None:
        versions = list(versions)
        if versions:
            self._slots.drop_all(versions)
