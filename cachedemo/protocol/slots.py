"""The slots: one string in the cache for each row (see slot_format.py), and the atomic steps that change it."""

import copy
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from cachedemo.exceptions import CacheUnavailable, ForeignData
from cachedemo.protocol.entries import Entry
from cachedemo.protocol.error_descriptions import one_line
from cachedemo.protocol.lua import script
from cachedemo.protocol.reached import all_reached, naming_rows, slot_or_none
from cachedemo.protocol.slot_expiry import missing_lifetime, value_lifetime
from cachedemo.protocol.slot_format import Lease, held, is_left_behind, is_well_formed, new_lease, server_of, slot_of
from cachedemo.protocol.slot_keys import braced, pattern, unbraced
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.roles import CACHE

logger = logging.getLogger(__name__)

SCANNED = 1000  # keys in one go

_mark, _finish, _unmark = script("mark"), script("finish"), script("unmark")
_fill, _publish, _settle = script("fill"), script("publish"), script("settle")
_publish_many = script("publish_many")


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
        if version is None and CACHE.is_one:  # as in nearly all reads
            return f"{self.prefix}{pk}"
        beginning = self.prefix if version is None else self.prefix_of(version)
        return beginning + braced(pk) if CACHE.is_cluster else f"{beginning}{pk}"

    def pk_of(self, key: bytes, version: str) -> str | None:
        """Return the primary key in a key of a version, None if it is not of this form."""
        prefix, text = self.prefix_of(version), key.decode(errors="replace")
        if not text.startswith(prefix):
            return None
        pk = text[len(prefix) :]
        return unbraced(pk) if CACHE.is_cluster else pk

    # reading

    def server(self, pk: Any) -> bytes:
        """Return which server has the slot now. Raises CacheUnavailable if it does not answer."""
        return CACHE.server_of(self.key(pk))

    def held(self, pk: Any, slot: bytes) -> Entry | None:
        """Return what a reader may take from the slot of a row."""
        return held(slot, CACHE.recognised.identity if CACHE.is_one else CACHE.identity_of(self.key(pk)))

    def all_held(self, pks: Iterable[Any], slots: Iterable[bytes | None]) -> dict[Any, Entry]:
        """Return what a reader may take from the slots of many rows, for each that holds anything."""
        if not CACHE.is_one:
            return self._all_held_of_each_server([(pk, slot) for pk, slot in zip(pks, slots, strict=True) if slot])
        server = CACHE.recognised.identity
        return {pk: entry for pk, slot in zip(pks, slots, strict=True) if slot and (entry := held(slot, server))}

    def _all_held_of_each_server(self, found: Sequence[tuple[Any, bytes]]) -> dict[Any, Entry]:
        prefix = self.prefix
        servers = CACHE.identities_of([prefix + braced(pk) for pk, _ in found])
        each = zip(found, servers, strict=True)
        return {pk: entry for (pk, slot), server in each if (entry := held(slot, server))}

    def get(self, pk: Any) -> bytes | None:
        """Return the slot as it is, None if it is empty or held foreign data (which is thrown out)."""
        try:
            slot: bytes | None = CACHE.get(self.key(pk))
            return slot
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

    def new_lease(self, pks: Iterable[Any]) -> Lease:
        """Return a lease for those of these rows whose servers answer. Raises CacheUnavailable if none does."""
        servers, silent = {}, None
        for pk in pks:
            try:
                servers[pk] = self.server(pk)
            except CacheUnavailable as error:
                silent = error
        if silent is not None and not servers:
            raise silent
        return Lease(new_lease(), servers)

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
        rows = [(self.key(pk), each or (b"", 0)) for pk, each in filled.items()]
        return [done == 1 for done in CACHE.script_for_each(_fill, [found], rows)]

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
        return is_left_behind(slot, CACHE.identity_of(self.key(pk)))

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

    def begin_mark(self, pk: Any, writer: str) -> Callable[[], bytes] | None:
        """Send the mark; return what waits for the beginning of the value that it lies over, None if it is there."""
        return CACHE.begin_script(_mark, [self.key(pk)], [writer, self.lease_ms])

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
        value, lifetime = self._over_base(base, entry)
        arguments = [b"%016d" % entry.stamp, base or b"", value, lifetime]
        return value if CACHE.script(_publish, self._keys(pk, versions), arguments, insist=True) else None

    def publish_many(
        self, shown: Mapping[Any, tuple[bytes | None, Entry]], versions: Iterable[str]
    ) -> dict[Any, bytes | None]:
        """Do the same for many rows: pk -> base and entry; return what stands in each slot now, if it is that.

        Raises:
            CacheUnavailable: with the `rows` that were not reached.
        """
        slots, rows = {}, []
        for pk, (base, entry) in shown.items():
            value, lifetime = self._over_base(base, entry)
            slots[self.key(pk)] = pk
            rows.append((self.key(pk), (b"%016d" % entry.stamp, base or b"", value, lifetime)))
        with naming_rows(slots):
            answers = CACHE.script_for_each(_publish_many, [], rows, insist=True)
            all_reached(slots, answers)
        if others := [version for version in versions if version != self.version]:
            self.settle({pk: entry.stamp for pk, (_, entry) in shown.items()}, others)
        published = zip(rows, answers, strict=True)
        return {slots[key]: arguments[2] if done == 1 else None for (key, arguments), done in published}

    def settle(self, stamps: dict[str, int], versions: Iterable[str]) -> None:
        """Empty the slots of these rows (pk -> stamp in the database) where they may be older than the database.

        Raises:
            CacheUnavailable: with the `rows` that were not reached.
        """
        beginnings = [self.prefix, *(self.prefix_of(version) for version in versions if version != self.version)]
        named = braced if CACHE.is_cluster else str
        slots = {beginning + named(pk): pk for beginning in beginnings for pk in stamps}
        if not slots:
            return
        digits = [b"%016d" % stamps[pk] for pk in slots.values()]
        with naming_rows(slots):
            if CACHE.is_cluster:
                rows = [(key, (each,)) for key, each in zip(slots, digits, strict=True)]
                all_reached(slots, CACHE.script_for_each(_settle, [], rows, insist=True))
            else:
                CACHE.script(_settle, list(slots), [b"".join(digits)], insist=True)

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

    def _over_base(self, base: bytes | None, entry: Entry) -> list[Any]:
        return self._slot_and_lifetime(entry, server_of(base or b""))

    def _slot_and_lifetime(self, entry: Entry, server: bytes) -> list[Any]:
        if entry.body is None:
            return [slot_of(entry, server), missing_lifetime(self.missing_timeout)]
        return [slot_of(entry, server), value_lifetime(self.timeout)]
