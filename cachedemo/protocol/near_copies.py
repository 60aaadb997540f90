"""The near cache: copies of rows in this process, kept honest by what the cache's servers say (servers/tracking.py).

A copy is taken from a slot that was read, never from a mark: that a mark has lapsed no server says. Nothing is copied
whose key has changed since its GET was sent, or whose GET was sent before its server was listened to. What has changed
is counted by key, a few keys sharing a number; so a copy that was about to be made is noticed too.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from cachedemo import conf
from cachedemo.protocol import stats
from cachedemo.protocol.entries import Entry, Origin
from cachedemo.protocol.model_stats import NEAR_DELAYS
from cachedemo.servers import test_runs
from cachedemo.servers.roles import CACHE
from cachedemo.servers.tracking import LONGEST, NEVER, PINGS, REFUSED, TOO_MUCH, Feed, Listener

logger = logging.getLogger(__name__)

SHARED = 4096  # numbers for the generations of all keys
OVERHEAD = 900  # bytes that a copy takes beside its row: the objects around it
WINDOW = 10.0  # seconds in which changes and hits are compared
FEW = 500  # changes in a window that are never too many


class Reader(Protocol):
    """What reads copies: the near cache of one registration (near.py)."""

    name: str
    seconds: float  # by which a copy may be behind
    hits: int
    by_pk: "dict[Any, Copy]"  # its own, as the rows are asked for; kept here

    def count(self) -> None: ...


class Note(NamedTuple):
    """What was known of a key before its slot was asked for."""

    reader: Reader
    places: Any
    pk: Any
    key: str
    feed: Feed
    era: int
    generation: int


class Copy:
    """A row as its slot had it.

    Attributes:
        note: what was known before it was read; of what row it is, and what tells of its key.
        entry: what a read returns.
        expires: when it is too old to be returned, by the monotonic clock.
        size: in bytes, about.
        make: makes an instance of it, once somebody has asked for one.
    """

    __slots__ = ("entry", "expires", "feed", "make", "note", "places", "route", "server", "size")

    def __init__(self, note: Note, entry: Entry, expires: float, size: int) -> None:
        self.note = note
        self.entry = entry
        self.expires = expires
        self.size = size
        self.make: Callable[[], Any] | None = None
        self.feed, self.places = note.feed, note.places  # at hand, as the next two: each hit looks at them
        self.server, self.route = note.feed.server, note.feed.route


class Copies:
    """All copies of this process, bounded in number and bytes: the oldest make room."""

    def __init__(self) -> None:
        self.by_key: OrderedDict[str, Copy] = OrderedDict()  # looked at without the lock
        self.bytes = 0
        self.changes = 0
        self._generations = [0] * SHARED
        self._era = 0
        self._lock = threading.Lock()
        self._listeners: dict[Any, Listener] = {}
        self._wanted: dict[Reader, str] = {}  # what reads copies -> the prefix of its keys
        self._counted = 0
        self._window = (time.monotonic(), 0, 0)
        self._off_until = 0.0

    # what is copied

    def note(self, reader: Reader, places: Any, pk: Any) -> Note | None:
        """Return what is known of a row's key before it is asked for; None where nothing is heard of it.

        From then on, somebody listens.

        Args:
            reader: who asks.
            places: where its rows are cached now; a test has another prefix than the test before.
        """
        prefix, key = places.slots.prefix, places.slots.key(pk)
        if self._wanted.get(reader) != prefix:
            with self._lock:
                others = {each: keys for each, keys in self._wanted.items() if each.name != reader.name}
                self._wanted = {**others, reader: prefix}
        feed = self._listener(key).feed
        if feed is None or prefix not in feed.prefixes:
            return None
        return Note(reader, places, pk, key, feed, self._era, self._generations[hash(key) % SHARED])

    def keep(self, note: Note, entry: Entry, timeout: float) -> None:
        """Keep a copy of what was read, if nothing has changed since.

        Args:
            timeout: seconds that it lives.
        """
        kept = entry._replace(origin=Origin.NEAR)
        size = OVERHEAD + len(note.key) + len(entry.body or b"") * 2 + len(entry.slot or b"")
        copy = Copy(note, kept, time.monotonic() + timeout, size)
        most, most_bytes = conf.get_valid("NEAR_ENTRIES"), conf.get_valid("NEAR_BYTES")
        with self._lock:
            now = (self._era, self._generations[hash(note.key) % SHARED])
            if now != (note.era, note.generation) or note.feed.confirmed == NEVER:
                return
            self._drop(note.key)
            self.by_key[note.key] = note.reader.by_pk[note.pk] = copy
            self.bytes += size
            while len(self.by_key) > most or self.bytes > most_bytes:
                self._drop(next(iter(self.by_key)))

    def _drop(self, key: str) -> None:
        if (copy := self.by_key.pop(key, None)) is not None:
            self.bytes -= copy.size
            note = copy.note
            if note.reader.by_pk.get(note.pk) is copy:
                del note.reader.by_pk[note.pk]

    def forget(self, keys: Iterable[str]) -> None:
        """Drop the copies of these keys, and those that are about to be made: this process has changed their slots."""
        with self._lock:
            for key in keys:
                self._generations[hash(key) % SHARED] += 1
                self._drop(key)

    def forget_all(self) -> None:
        """Do the same for every key."""
        with self._lock:
            self._era += 1
            for key in list(self.by_key):
                self._drop(key)

    # what is heard: `servers.tracking.Hearer`

    def changed(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self.changes += len(keys)
        self.forget(keys)

    def everything_changed(self, feed: Feed) -> None:
        with self._lock:
            self._era += 1
            for key in [key for key, copy in self.by_key.items() if copy.feed is feed]:
                self._drop(key)

    def ponged(self, feed: Feed, after: float) -> bool:
        self._count(after)
        now, (begun, hits, changes) = time.monotonic(), self._window
        if now >= begun + WINDOW:
            self._window = now, self.hits, self.changes
            hits, changes = self.hits - hits, self.changes - changes
            if changes > max(FEW, hits):
                self._off_until = now + REFUSED
                logger.warning("%s There were %s changes and %s hits in %.0f s.", TOO_MUCH, changes, hits, now - begun)
        return now >= self._off_until

    @property
    def hits(self) -> int:
        """How many copies were read."""
        return sum(reader.hits for reader in self._wanted)

    def _count(self, after: float) -> None:
        """Pass on to the statistics what was not counted there yet, and how long a PING took.

        It waits behind every change that is told before it, so no change is told later than that.
        """
        for reader in self._wanted:
            reader.count()
        changes = self.changes
        stats.count(stats.NEAR_CHANGES, changes - self._counted)
        self._counted = changes
        NEAR_DELAYS.took(after)

    # who listens

    def _listener(self, key: str) -> Listener:
        cluster = CACHE.cluster()
        server = CACHE if cluster is None else cluster.owner(key)
        listener = self._listeners.get(server)
        return listener if listener is not None and listener.is_alive else self._new_listener(server)

    def _new_listener(self, server: Any) -> Listener:
        with self._lock:
            listener = self._listeners.get(server)
            if listener is not None and listener.is_alive:  # another thread has come first, and starts it
                return listener
            self._listeners = {s: each for s, each in self._listeners.items() if each.is_alive}
            listener = self._listeners[server] = Listener(server, self._prefixes, self._interval, self)
        listener.start()
        return listener

    def listeners(self) -> list[Listener]:
        """Return those who listen, or try to."""
        return [listener for listener in self._listeners.values() if listener.is_alive]

    def _prefixes(self) -> frozenset[str]:
        return frozenset(self._wanted.values())

    def _interval(self) -> float:
        return min(LONGEST, min((reader.seconds for reader in self._wanted), default=LONGEST) / PINGS)


COPIES = Copies()


def _forget() -> None:
    """A forked child has no threads that listen."""
    for reader in COPIES._wanted:
        reader.by_pk.clear()
    COPIES.__init__()  # type: ignore[misc]


test_runs.when_emptied(COPIES.forget_all)  # what the server says of it may come after the next test has begun
os.register_at_fork(after_in_child=_forget)
