"""The slots: one string in the cache for each row (see slot_format.py), and the atomic steps that change it."""

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from cachedemo.exceptions import ForeignData
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.error_descriptions import one_line
from cachedemo.protocol.lua import script
from cachedemo.protocol.slot_expiry import missing_lifetime, value_lifetime
from cachedemo.protocol.slot_format import Lease, held, is_left_behind, is_well_formed, new_lease, server_of, slot_of
from cachedemo.protocol.slot_keys import pattern
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import CACHE

logger = logging.getLogger(__name__)

SCANNED = 1000  # keys in one go

_mark, _finish, _unmark = script("mark"), script("finish"), script("unmark")
_fill, _publish, _settle = script("fill"), script("publish"), script("settle")


class Slots:
    """The slots of one model in one version.

    Args:
        name: the model's name in the keys, with its database's alias.
        version: of the registration; other versions of the same rows have slots of their own.
        timeout: seconds that a value lives, give or take a tenth.
        missing_timeout: seconds that "missing" lives.
        lease_timeout: seconds that a lease or a mark lives.

    Attributes:
        prefix: what the keys of this version begin with.
    """

    def __init__(
        self, name: str, version: int | str, timeout: float, missing_timeout: float, lease_timeout: float
    ) -> None:
        self.name = name
        self.version = str(version)
        self._put_under("")
        self.timeout = timeout
        self.missing_timeout = missing_timeout
        self.lease_ms = int(lease_timeout * 1000)

    def under(self, prefix: str) -> Self:
        """Return the same slots with this before every key (see `key_prefix.py`)."""
        slots = copy.copy(self)
        slots._put_under(prefix)
        return slots

    def _put_under(self, prefix: str) -> None:
        self._before = prefix
        self.prefix = f"{prefix}v{self.version}:{self.name}:"

    def key(self, pk: Any, version: str | None = None) -> str:
        return f"{self.prefix}{pk}" if version is None else f"{self._before}v{version}:{self.name}:{pk}"

    # reading

    def server(self, pk: Any) -> bytes:
        """Return which server has the slot now. Raises CacheUnavailable if it does not answer."""
        return CACHE.server()

    def held(self, pk: Any, slot: bytes) -> Entry | None:
        """Return what a reader may take from the slot of a row."""
        return held(slot, CACHE.recognised.identity)

    def get(self, pk: Any) -> bytes | None:
        """Return the slot as it is, None if it is empty or held foreign data (which is thrown out)."""
        try:
            return CACHE.command("GET", self.prefix + str(pk))
        except ForeignData:
            self.discard(pk)
            return None

    def get_with_ttl(self, pk: Any) -> tuple[bytes | None, int]:
        """Return the slot and the milliseconds it still has to live, in one round trip."""
        slot, ttl = CACHE.pipeline([("GET", self.key(pk)), ("PTTL", self.key(pk))])
        if isinstance(slot, ForeignData):
            self.discard(pk)
            slot = None
        return raised(slot), raised(ttl)

    def get_many(self, pks: Sequence[Any]) -> list[bytes | None]:
        """Return the slots in the order of `pks`; a key of another type counts as empty."""
        prefix = self.prefix  # once, and not for each key
        return CACHE.command("MGET", *(f"{prefix}{pk}" for pk in pks)) if pks else []

    def new_lease(self, pks: Iterable[Any]) -> Lease:
        """Return a lease for these rows. Raises CacheUnavailable."""
        return Lease(new_lease(), {pk: self.server(pk) for pk in pks})

    def take_lease(self, pk: Any, lease: bytes) -> bytes | None:
        """Put a lease into an empty slot; return None if it stands there now, else what does."""
        try:
            found = CACHE.command("SET", self.key(pk), lease, "NX", "GET", "PX", self.lease_ms)
        except ForeignData:
            self.discard(pk)
            return self.take_lease(pk, lease)
        return None if found == lease else found  # our own lease: the first try's answer was lost

    def take_leases(self, pks: Sequence[Any], lease: bytes) -> list[Any]:
        """Do the same for many slots in one round trip."""
        found = CACHE.pipeline([("SET", self.key(pk), lease, "NX", "GET", "PX", self.lease_ms) for pk in pks])
        return [None if slot == lease else slot for slot in found]

    def fill(self, lease: Lease, entries: dict[Any, Entry | None]) -> list[bool]:
        """Put what was loaded into the slots that are still ours; give the lease back where there is None."""
        filled = {pk: e and self._slot_and_lifetime(e, lease.servers[pk]) for pk, e in entries.items()}
        return self.put(lease.text, filled)

    def put(self, found: bytes, filled: Mapping[Any, Sequence[Any] | None]) -> list[bool]:
        """Put a slot with its lifetime in milliseconds in the place of what was found there, or empty it for None."""
        arguments: list[Any] = [found]
        for each in filled.values():
            arguments += each or (b"", 0)
        return [bool(done) for done in CACHE.script(_fill, [self.key(pk) for pk in filled], arguments)]

    def discard_unusable(self, pk: Any, slot: bytes) -> bool:
        """Throw a slot out that cachedemo cannot have written, or another server has left; return whether it was."""
        if not is_well_formed(slot):
            self.discard(pk)
        elif self.is_left_behind(pk, slot):
            self.drop([pk], [])
        else:
            return False
        return True

    def is_left_behind(self, pk: Any, slot: bytes) -> bool:
        """Say whether a row's slot has a value, or "missing", that another server has left."""
        return is_left_behind(slot, CACHE.recognised.identity)

    def discard(self, pk: Any) -> None:
        logger.warning("The cache key %s held something cachedemo did not write; it was deleted.", self._shown(pk))
        CACHE.command("UNLINK", self.key(pk))

    def _shown(self, pk: Any) -> str:
        """Return a slot's key for the log."""
        return one_line(self.key(pk))

    # writing: insists, since a server that was dead a moment ago may be back, and somebody fill it with an old value

    def mark(self, pk: Any, writer: str) -> None:
        """Put the writer's mark over the slot, with the old value inside."""
        CACHE.script(_mark, [self.key(pk)], [writer, self.lease_ms], insist=True)

    def finish(self, pk: Any, writer: str, entry: Entry | None, versions: Iterable[str], server: bytes = b"") -> None:
        """Replace the writer's mark by the new value, or empty the slot if `entry` is None.

        Args:
            server: which one the cache was before the mark was put there.
        """
        value: list[Any] = [b"", 0] if entry is None else self._slot_and_lifetime(entry, server)
        CACHE.script(_finish, self._keys(pk, versions), [writer, *value], insist=True)

    def unmark(self, pk: Any, writer: str) -> None:
        """Put the value under the writer's mark back."""
        CACHE.script(_unmark, [self.key(pk)], [writer], insist=True)

    def publish(self, pk: Any, base: bytes | None, entry: Entry, versions: Iterable[str]) -> bytes | None:
        """Show a queued write over the base it was computed from; return the slot that stands there now, if it does."""
        value, lifetime = self._slot_and_lifetime(entry, server_of(base or b""))
        arguments = [b"%016d" % entry.stamp, base or b"", value, lifetime]
        return value if CACHE.script(_publish, self._keys(pk, versions), arguments, insist=True) else None

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        """Empty the slots of these rows (pk -> stamp in the database) where they may be older than the database."""
        prefixes = self._keys("", versions)
        keys = [prefix + pk for prefix in prefixes for pk in stamps]
        if keys:
            CACHE.script(_settle, keys, [b"%016d" % stamp for stamp in stamps.values()] * len(prefixes), insist=True)

    def drop(self, pks: Iterable[Any], versions: Iterable[str]) -> int:
        """Empty slots whatever they hold, leases and marks too; return how many were not empty."""
        keys = [key for pk in pks for key in self._keys(pk, versions)]
        return CACHE.command("UNLINK", *keys, insist=True) if keys else 0

    def drop_all(self, versions: Iterable[str]) -> None:
        """Do the same for every row, a thousand keys at a time: others are served in between."""
        for prefix in self._keys("", versions):
            cursor = 0
            while True:
                cursor, keys = CACHE.command("SCAN", cursor, "MATCH", pattern(prefix), "COUNT", SCANNED, insist=True)
                if keys:
                    CACHE.command("UNLINK", *keys, insist=True)
                if not int(cursor):
                    break

    def _keys(self, pk: Any, versions: Iterable[str]) -> list[str]:
        """Return this version's slot first, then those of the other versions."""
        return [self.key(pk), *(self.key(pk, version) for version in versions if version != self.version)]

    def _slot_and_lifetime(self, entry: Entry, server: bytes) -> list[Any]:
        if entry.body is None:
            return [slot_of(entry, server), missing_lifetime(self.missing_timeout)]
        return [slot_of(entry, server), value_lifetime(self.timeout)]
