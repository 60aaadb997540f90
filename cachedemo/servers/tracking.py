"""What the cache's servers say of keys that change: CLIENT TRACKING, on one connection to each, with a thread for it.

    CLIENT TRACKING ON BCAST PREFIX v2:user:     sent when rows of this prefix are first read
    > invalidate [v2:user:1, …]                  whatever changed them, eviction included; nothing at all: FLUSHDB
    PING, PONG                                   some times in each `near`

A server says what has changed before it answers who changed it, and answers a PING behind all that it has said. So once
a PONG is here, everything is known that was acknowledged before its PING was sent.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import redis

from cachedemo import conf
from cachedemo.exceptions import CachedemoError
from cachedemo.servers.roles import CACHE
from cachedemo.servers.server import Server
from cachedemo.servers.server_errors import meaning
from cachedemo.servers.server_health import health_of

NEVER = float("-inf")
PINGS = 4  # in the shortest `near`, so that one may be late
LONGEST = 1.0  # seconds between two of them
PAUSE = 0.5  # seconds until a connection that was lost is opened anew
REFUSED = 30.0  # seconds until it is asked again where it refuses, or where it was not worth it
TOO_MUCH = "More keys have changed than copies were read, so none are kept for half a minute."


class Feed:
    """What one server says over one connection; a new connection is another feed.

    Attributes:
        server: which says it.
        route: the server's when the connection was opened. Once that is another, this tells of nothing that is read.
        confirmed: when the last PING was sent that was answered, by the monotonic clock: all that was acknowledged
            before then has been heard. NEVER before the first, and once the connection is lost.
        prefixes: of the keys that it tells of.
    """

    __slots__ = ("confirmed", "prefixes", "route", "server")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.route = server.route
        self.confirmed = NEVER
        self.prefixes: frozenset[str] = frozenset()


class Hearer(Protocol):
    """Who is told what the servers say, by the threads that listen."""

    def changed(self, keys: Iterable[str]) -> None:
        """These keys have changed, or are gone."""

    def everything_changed(self, feed: Feed) -> None:
        """All keys of a server have, or nobody can tell any more: its connection is lost."""

    def ponged(self, feed: Feed, after: float) -> bool:
        """A PONG has come, so many seconds after its PING was sent; say whether to go on."""


class _Push(NamedTuple):
    """What the server sends without being asked: the word `invalidate`, and the keys."""

    message: list[Any]


class _NotNow(Exception):
    """Raised where nothing is tracked for a while, with the reason as the sentence."""


class _Anew(Exception):
    """Raised where other keys are to be heard of: a connection forgets none of those it was told."""


class Listener:
    """One connection to one server, in a thread of its own; opened anew when it was lost. `start` is to be called once.

    Args:
        server: of the cache.
        wanted: returns the prefixes of the keys to hear of.
        interval: returns the seconds between two PINGs.
        hearer: who is told.

    Attributes:
        feed: what it says, None while nothing is heard.
        problem: why that is, with the fix; empty while nothing is wrong.
        since: when it began to be heard, or to be so no more; in seconds since the epoch.
    """

    def __init__(
        self,
        server: Server,
        wanted: Callable[[], frozenset[str]],
        interval: Callable[[], float],
        hearer: Hearer,
    ) -> None:
        self.server = server
        self.feed: Feed | None = None
        self.problem = ""
        self.since = time.time()
        self._wanted, self._interval, self._hearer = wanted, interval, hearer
        self._settings = CACHE.settings
        self._expected: deque[Callable[[Any], None]] = deque()  # what each answer is for that is still to come
        self._ended = False

    def start(self) -> None:
        """Begin to listen; not under a lock, for where threads are greenlets others run before it has begun."""
        try:
            threading.Thread(target=self._serve, name="cachedemo-near", daemon=True).start()
        except RuntimeError:  # no thread can start now: the next read tries again
            self._ended = True

    @property
    def is_alive(self) -> bool:
        """Whether it listens, or tries to, or is about to."""
        return not self._ended and self._is_wanted()

    def _is_wanted(self) -> bool:
        return self._settings is CACHE.settings and conf.is_enabled()

    def _serve(self) -> None:
        try:
            self._listen()
        finally:
            self._ended = True

    def _listen(self) -> None:
        while self._is_wanted():
            wake = time.monotonic() + self._pause_after_following()
            while self._is_wanted() and time.monotonic() < wake:
                time.sleep(PAUSE)

    def _pause_after_following(self) -> float:
        """Follow the server for as long as that lasts; return the seconds until it is tried again."""
        try:
            self._follow()
        except _Anew:
            return 0
        except _NotNow as error:
            self.problem = str(error)
            return REFUSED
        except redis.ResponseError as error:
            said = meaning(error)
            self.problem = self._meant(error) if said else f"{self._where} refuses CLIENT TRACKING. It said: {error}"
            return REFUSED if said is None or said.forbidden else PAUSE
        except (CachedemoError, redis.RedisError, OSError, AttributeError, ValueError) as error:
            self.problem = self._meant(error)  # the last two: of a connection that another thread has closed
        return PAUSE

    def _heard(self, feed: Feed | None) -> None:
        if feed is not self.feed:
            self.feed, self.since = feed, time.time()
        if feed is not None:
            self.problem = ""

    @property
    def _where(self) -> str:
        return f"The cache server at {self.server.address}"

    def _meant(self, error: Exception) -> str:
        found = meaning(error) if isinstance(error, redis.RedisError) else None
        return f"{self._where} {found.sentence}" if found else f"{self._where}: {error}"

    def _follow(self) -> None:
        """Track on a new connection until it is lost, or something else is wanted."""
        feed = Feed(self.server)
        client = self.server.client()  # held: its pool closes the connection when nobody holds it any more
        connection = client.connection_pool.get_connection()
        try:
            parser = connection._parser
            parser.set_invalidation_push_handler(_Push)
            parser.set_pubsub_push_handler(_Push)
            self._expected.clear()
            self._track(connection, feed)
        finally:
            feed.confirmed = NEVER
            self._heard(None)
            self._hearer.everything_changed(feed)
            connection.disconnect()
            with contextlib.suppress(AttributeError):
                connection._parser.set_invalidation_push_handler(None)
            client.connection_pool.release(connection)

    def _track(self, connection: Any, feed: Feed) -> None:
        health = health_of(self.server)
        sent, answered = NEVER, True
        timeout = conf.get_valid("TIMEOUT")

        def pong(answer: Any) -> None:
            nonlocal answered
            answered = True
            feed.confirmed = sent
            self._heard(feed)
            if not self._hearer.ponged(feed, time.monotonic() - sent):
                raise _NotNow(TOO_MUCH)

        while self._is_wanted():
            if feed.route is not self.server.route:
                raise redis.ConnectionError("Error: commands go to another server now.")
            self._want(connection, feed)
            now = time.monotonic()
            if answered and now >= sent + self._interval():
                sent, answered = now, False
                for words, take in health.questions():
                    self._ask(connection, take, *words)
                self._ask(connection, pong, "PING")
            elif not answered and now > sent + timeout:
                raise redis.TimeoutError("Timeout waiting for a PONG")
            due = sent + (self._interval() if answered else timeout)
            self._take(connection, feed, max(0.001, due - now))

    def _want(self, connection: Any, feed: Feed) -> None:
        """Ask for the prefixes that are new. The server forgets none but with the connection."""
        wanted = self._wanted()
        if wanted == feed.prefixes:
            return
        if feed.prefixes - wanted:
            raise _Anew
        new = [word for prefix in sorted(wanted - feed.prefixes) for word in ("PREFIX", prefix)]

        def tracked(answer: Any) -> None:
            feed.prefixes = wanted

        self._ask(connection, tracked, "CLIENT", "TRACKING", "ON", "BCAST", *new)
        while self._expected:  # what is read before it has answered is not heard of
            self._take(connection, feed, conf.get_valid("TIMEOUT"), patient=False)

    def _ask(self, connection: Any, then: Callable[[Any], None], *words: str) -> None:
        connection.send_command(*words)
        self._expected.append(then)

    def _take(self, connection: Any, feed: Feed, timeout: float, *, patient: bool = True) -> None:
        try:
            said = connection.read_response(timeout=timeout, disconnect_on_error=False, push_request=True)
        except redis.TimeoutError:
            if not patient:
                raise
            return
        if not isinstance(said, _Push):
            self._expected.popleft()(said)
        elif said.message[0] in (b"invalidate", "invalidate"):
            keys = said.message[1]
            if keys is None:
                self._hearer.everything_changed(feed)
            else:
                self._hearer.changed([key.decode(errors="replace") for key in keys])


def refusal(server: Server) -> str | None:
    """Return why a server lets nobody listen, None if it does. Raises Unavailable."""
    client = server.client()
    try:
        connection = client.connection_pool.get_connection()
        try:
            connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "cachedemo:nothing:")
            connection.read_response()
        finally:
            connection.disconnect()
            client.connection_pool.release(connection)
    except redis.ResponseError as error:
        return f"The cache server at {server.address} refuses CLIENT TRACKING, so nobody reads copies. It said: {error}"
    except redis.RedisError as error:
        raise server.outage(error) from error
    return None
