"""What stands in for the slots while `CACHEDEMO["ENABLED"]` is False: nothing is cached, and no server is asked.

With `no_queue.py` in the place of the queue, every step of every pattern is as ever, and only the database is asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cachedemo.protocol.entries import Entry
from cachedemo.protocol.slot_format import Lease
from cachedemo.protocol.slots import Slots


class NoSlots(Slots):
    """Answers as a cache would that forgets everything at once."""

    def server(self, pk: Any) -> bytes:
        return b""

    def get(self, pk: Any) -> bytes | None:
        return None

    def get_with_ttl(self, pk: Any) -> tuple[bytes | None, int]:
        return None, -2

    def get_many(self, pks: Sequence[Any]) -> list[bytes | None]:
        return [None for _ in pks]

    def take_lease(self, pk: Any, lease: bytes) -> bytes | None:
        return None

    def take_leases(self, pks: Sequence[Any], lease: bytes) -> list[Any]:
        return [None for _ in pks]

    def fill(self, lease: Lease, entries: dict[Any, Entry | None]) -> list[bool]:
        return [True for _ in entries]

    def put(self, found: bytes, filled: Mapping[Any, Sequence[Any] | None]) -> list[bool]:
        return [True for _ in filled]

    def discard(self, pk: Any) -> None:
        """Nothing is there."""

    def mark(self, pk: Any, writer: str) -> None:
        """No reader looks here."""

    def begin_mark(self, pk: Any, writer: str) -> None:
        """No reader looks here."""

    def finish(self, pk: Any, writer: str, entry: Entry | None, versions: Iterable[str], server: bytes = b"") -> None:
        """No reader looks here."""

    def unmark(self, pk: Any, writer: str) -> None:
        """No reader looks here."""

    def publish(self, pk: Any, base: bytes | None, entry: Entry, versions: Iterable[str]) -> bytes | None:
        return None

    def publish_many(
        self, shown: Mapping[Any, tuple[bytes | None, Entry]], versions: Iterable[str]
    ) -> dict[Any, bytes | None]:
        return dict.fromkeys(shown)

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        """No reader looks here."""

    def drop(self, pks: Iterable[Any], versions: Iterable[str]) -> int:
        return 0
