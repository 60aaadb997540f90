"""The slots: one string in the cache for each row, and the atomic steps that change it.

    V<stamp><body>           a value; the body is the row as JSON
    N<zeros>                 known to be missing
    L<token>                 a lease: one reader is loading the row, the others wait for it
    T<token><expiry><slot>   a mark: a writer is under way; the V or N it found is still readable inside

Stamps have 16 digits (microseconds), tokens 16 hexadecimal digits, expiries 13 digits (milliseconds).
"""

import copy
import logging
import os
import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Self

from cachedemo.exceptions import ForeignData
from cachedemo.protocol import stamps
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.error_descriptions import one_line
from cachedemo.protocol.lua import script
from cachedemo.protocol.reached import all_reached, naming_rows, slot_or_none
from cachedemo.protocol.slot_expiry import missing_lifetime, value_lifetime
from cachedemo.protocol.slot_keys import braced, pattern, unbraced
from cachedemo.protocol.slot_kinds import LEASE, MARK, MISSING, VALUE
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import CACHE

logger = logging.getLogger(__name__)

_V, _END, _FROM_CACHE = VALUE.letter, stamps.END, Origin.CACHE  # at hand for `held`, which every hit passes
_entry = partial(tuple.__new__, Entry)  # without the look for defaults
_MISSING_SLOT = MISSING.letter + b"0" * 16
SCANNED = 1000  # keys in one go
_HEADER = 17  # kind and stamp
_MARK_HEADER = 30  # kind, token and expiry
_WELL_FORMED = re.compile(
    rb"V[0-3]\d{15}\{.*\}|N0{16}|L[0-9a-f]{16}|T[0-9a-f]{16}\d{13}(?:V[0-3]\d{15}\{.*\}|N0{16})?", re.DOTALL
)

_mark, _finish, _unmark = script("mark"), script("finish"), script("unmark")
_fill, _publish, _settle = script("fill"), script("publish"), script("settle")


def token() -> str:
    """Return 16 hexadecimal digits that name one reader or writer."""
    return os.urandom(8).hex()


def slot_of(entry: Entry) -> bytes:
    """Return the slot that holds an entry: V, or N if there is no such row."""
    return _MISSING_SLOT if entry.body is None else b"V%016d%b" % (entry.stamp, entry.body)


def held(slot: bytes) -> Entry | None:
    """Return what a reader may take from a slot: its value, "missing", or None where it holds neither.

    A mark is as good as the value inside it: the write that put it there is not acknowledged yet.
    """
    if slot.startswith(_V) and slot.startswith(b"{", _HEADER) and slot.endswith(b"}"):
        try:
            stamp = int(slot[1:_HEADER])
        except ValueError:
            return None
        return _entry((slot[_HEADER:], stamp, _FROM_CACHE, slot, None)) if stamp < _END else None
    if slot == _MISSING_SLOT:
        return Entry(None, 0, Origin.CACHE, slot)
    if slot[:1] == MARK.letter and slot[_MARK_HEADER : _MARK_HEADER + 1] != MARK.letter:  # no mark has a mark inside
        return held(slot[_MARK_HEADER:])
    return None


def is_well_formed(slot: bytes) -> bool:
    """Say whether cachedemo may have written this."""
    return _WELL_FORMED.fullmatch(slot) is not None


def is_lease(slot: bytes) -> bool:
    return slot[:1] == LEASE.letter


def is_mark(slot: bytes) -> bool:
    return slot[:1] == MARK.letter


def new_lease() -> bytes:
    """Return a lease that no other reader has."""
    return LEASE.letter + token().encode()


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
        self.prefix = self.prefix_of(self.version)

    def prefix_of(self, version: str) -> str:
        """Return what the keys of a version begin with."""
        return f"{self._before}v{version}:{self.name}:"

    def key(self, pk: Any, version: str | None = None) -> str:
        beginning = self.prefix if version is None else self.prefix_of(version)
        return beginning + (braced(pk) if CACHE.is_cluster else str(pk))

    def pk_of(self, key: bytes, version: str) -> str | None:
        """Return the primary key in a key of a version, None if it is not of this form."""
        prefix, text = self.prefix_of(version), key.decode(errors="replace")
        if not text.startswith(prefix):
            return None
        pk = text[len(prefix) :]
        return unbraced(pk) if CACHE.is_cluster else pk

    # reading

    def get(self, pk: Any) -> bytes | None:
        """Return the slot as it is, None if it is empty or held foreign data (which is thrown out)."""
        try:
            return CACHE.command("GET", self.prefix + str(pk) if CACHE.is_one else self.key(pk))
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
        """Return the slots in the order of `pks`; a key of another type counts as empty, and one out of reach too."""
        prefix = self.prefix  # once, and not for each key
        if not CACHE.is_cluster:
            return CACHE.get_many([f"{prefix}{pk}" for pk in pks])
        return [slot_or_none(slot) for slot in CACHE.get_many([prefix + braced(pk) for pk in pks])]

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

    def fill(self, lease: bytes, entries: dict[Any, Entry | None]) -> list[bool]:
        """Put what was loaded into the slots that are still ours; give the lease back where there is None."""
        rows = [
            (self.key(pk), (b"", 0) if entry is None else self._slot_and_lifetime(entry))
            for pk, entry in entries.items()
        ]
        return [filled == 1 for filled in CACHE.script_for_each(_fill, [lease], rows)]

    def discard_malformed(self, pk: Any, slot: bytes) -> bool:
        """Throw a slot out if cachedemo cannot have written it; return whether it was."""
        if is_well_formed(slot):
            return False
        self.discard(pk)
        return True

    def discard(self, pk: Any) -> None:
        key = one_line(self.key(pk))
        logger.warning("The cache key %s held something cachedemo did not write; it was deleted.", key)
        CACHE.command("UNLINK", self.key(pk))

    # writing: insists, since a server that was dead a moment ago may be back, and somebody fill it with an old value

    def mark(self, pk: Any, writer: str) -> None:
        """Put the writer's mark over the slot, with the old value inside."""
        CACHE.script(_mark, [self.key(pk)], [writer, self.lease_ms], insist=True)

    def finish(self, pk: Any, writer: str, entry: Entry | None, versions: Iterable[str]) -> None:
        """Replace the writer's mark by the new value, or empty the slot if `entry` is None."""
        value: list[Any] = [b"", 0] if entry is None else self._slot_and_lifetime(entry)
        CACHE.script(_finish, self._keys(pk, versions), [writer, *value], insist=True)

    def unmark(self, pk: Any, writer: str) -> None:
        """Put the value under the writer's mark back."""
        CACHE.script(_unmark, [self.key(pk)], [writer], insist=True)

    def publish(self, pk: Any, base: bytes | None, entry: Entry, versions: Iterable[str]) -> bool:
        """Show a queued write over the base it was computed from; return whether it stands there now."""
        value, lifetime = self._slot_and_lifetime(entry)
        arguments = [b"%016d" % entry.stamp, base or b"", value, lifetime]
        return bool(CACHE.script(_publish, self._keys(pk, versions), arguments, insist=True))

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        """Empty the slots of these rows (pk -> stamp in the database) where they may be older than the database.

        Raises:
            CacheUnavailable: with the `rows` that were not reached.
        """
        slots = {key: pk for pk in stamps for key in self._keys(pk, versions)}
        if not slots:
            return
        rows = [(key, (b"%016d" % stamps[pk],)) for key, pk in slots.items()]
        with naming_rows(slots):
            all_reached(slots, CACHE.script_for_each(_settle, [], rows, insist=True))

    def drop(self, pks: Iterable[Any], versions: Iterable[str]) -> int:
        """Empty slots whatever they hold, leases and marks too; return how many were not empty.

        Raises:
            CacheUnavailable: with the `rows` that were not reached.
        """
        slots = {key: pk for pk in pks for key in self._keys(pk, versions)}
        with naming_rows(slots):
            return CACHE.unlink(list(slots), insist=True)

    def drop_all(self, versions: Iterable[str]) -> None:
        """Do the same for every row, a thousand keys at a time: others are served in between."""
        for prefix in {self.prefix, *map(self.prefix_of, versions)}:
            for keys in CACHE.scan(pattern(prefix), SCANNED, insist=True):
                CACHE.unlink(keys, insist=True)

    def _keys(self, pk: Any, versions: Iterable[str]) -> list[str]:
        """Return this version's slot first, then those of the other versions."""
        return [self.key(pk), *(self.key(pk, version) for version in versions if version != self.version)]

    def _slot_and_lifetime(self, entry: Entry) -> list[Any]:
        if entry.body is None:
            return [slot_of(entry), missing_lifetime(self.missing_timeout)]
        return [slot_of(entry), value_lifetime(self.timeout)]
