"""The slots of rows that this process may have copies of: who changes one drops the copy before the step is over.

The server says what has changed, but not at once; what this process has written itself its next read must show.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cachedemo.protocol.entries import Entry
from cachedemo.protocol.near_copies import COPIES
from cachedemo.protocol.slots import Slots


class NearSlots(Slots):
    """The same slots. Copies are dropped after each step, whether the cache took it or not: a GET before it is old."""

    def discard(self, pk: Any) -> None:
        with self._dropping([pk]):
            super().discard(pk)

    def finish(self, pk: Any, writer: str, entry: Entry | None, versions: Iterable[str], server: bytes = b"") -> None:
        with self._dropping([pk]):
            super().finish(pk, writer, entry, versions, server)

    def publish(self, pk: Any, base: bytes | None, entry: Entry, versions: Iterable[str]) -> bytes | None:
        with self._dropping([pk]):
            return super().publish(pk, base, entry, versions)

    def publish_many(
        self, shown: Mapping[Any, tuple[bytes | None, Entry]], versions: Iterable[str]
    ) -> dict[Any, bytes | None]:
        with self._dropping(shown):
            return super().publish_many(shown, versions)

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        with self._dropping(stamps):
            super().settle(stamps, versions)

    def drop(self, pks: Iterable[Any], versions: Iterable[str]) -> int:
        pks = list(pks)
        with self._dropping(pks):
            return super().drop(pks, versions)

    def drop_all(self, versions: Iterable[str]) -> None:
        try:
            super().drop_all(versions)
        finally:
            COPIES.forget_all()

    @contextmanager
    def _dropping(self, pks: Iterable[Any]) -> Iterator[None]:
        try:
            yield
        finally:
            COPIES.forget(map(self.key, pks))
