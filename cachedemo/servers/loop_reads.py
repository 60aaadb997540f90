"""What an event loop reads of the cache: all that is asked for in one turn of it goes as one trip to each server.

A loop has a client of its own for each server, which is closed with it. Nothing here blocks the loop or needs a thread;
where servers are, and whether they are in trouble, the threads find out: who gets no answer here asks in a thread.
"""

import asyncio
import contextlib
import os
import weakref
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol

from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers import hash_slots
from cachedemo.servers.cluster_node import ClusterNode
from cachedemo.servers.loop_server import Answers, Found, LoopServer
from cachedemo.servers.roles import CACHE
from cachedemo.servers.server import Server
from cachedemo.servers.targets import Target, Topology

MOST = 1000  # keys in one trip
UNDER_WAY = 4  # trips of a loop at a time: what is asked for meanwhile goes with the next, and needs no connection


class Watcher(Protocol):
    """Somebody who watches what is sent."""

    def who(self) -> Any:
        """Return who asks here and now, as far as anybody is watched; None for nobody."""

    async def note(
        self, who: Sequence[Any], server: str, words: Sequence[Any], trip: Callable[[], Awaitable[Answers]]
    ) -> Answers:
        """Make a trip that these ask for, and note it."""


watcher: Watcher | None = None


class Turn:
    """What the readers of one turn of a loop ask for: what is the same for all of them is looked at once.

    This one hands each of them what stands under its key.
    """

    def taken(self, found: Found | None) -> Any:
        """Return what the reader of a key is told, None where a thread must ask."""
        return found

    def is_answered(self) -> None:
        """Note that a trip has answered what was asked for in it, or a part of that."""


AS_IT_STANDS = Turn()

Asked = tuple[str, "asyncio.Future[Any]", Any, Turn]  # a key, its answer to be, who watches the reader, and its turn


class LoopReads:
    """The reads of one event loop from the cache. Nothing here leads to a loop that has ended, so it is thrown away."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = weakref.ref(loop)
        self.loading: dict[str, asyncio.Event] = {}  # which keys a reader loads in a thread, and when that has ended
        self.turns: dict[Any, Turn] = {}  # of this turn of the loop, by whom they are for
        self._waiting: list[Asked] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: dict[str, LoopServer] = {}  # by URL
        self._settings: object = None  # the role's, when ours were opened
        self._target: Target | None = None
        self._closing: AsyncGenerator[None, None] | None = None

    def begin(self, whom: Any, turn: Turn) -> Turn:
        """Note for whom a turn is, until it is over."""
        if not self.turns:
            asyncio.get_running_loop().call_soon(self.turns.clear)
        self.turns[whom] = turn
        return turn

    def get(self, key: str, turn: Turn = AS_IT_STANDS) -> "asyncio.Future[Any]":
        """Return what the turn makes of what is under a key; None where a thread must ask.

        Who is cancelled drops only that future; the trip goes on for the others.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._go)
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((key, answer, watcher and watcher.who(), turn))
        return answer

    def _go(self) -> None:
        while self._waiting and len(self._tasks) < UNDER_WAY:
            waiting, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            task = asyncio.get_running_loop().create_task(self._answer(waiting))
            self._tasks.add(task)  # a loop keeps no task alive by itself
            task.add_done_callback(self._is_back)

    def _is_back(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._go()

    async def _answer(self, waiting: list[Asked]) -> None:
        try:
            found = await self._ask([key for key, _, _, _ in waiting], [who for _, _, who, _ in waiting if who])
        except BaseException as error:
            for _, answer, _, _ in waiting:
                if not answer.done():
                    answer.cancel() if isinstance(error, asyncio.CancelledError) else answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer, _, turn), slot in zip(waiting, found, strict=True):
            if not answer.done():
                answer.set_result(turn.taken(slot))
        for turn in {turn for _, _, _, turn in waiting}:
            turn.is_answered()

    @contextlib.contextmanager
    def loads(self, key: str) -> Iterator[None]:
        """Note inside of this that a reader loads what belongs under this key."""
        ended = self.loading[key] = asyncio.Event()
        try:
            yield
        finally:
            del self.loading[key]
            ended.set()

    async def get_many(self, keys: Sequence[str]) -> Answers:
        """Return what is under these keys, at most a thousand, in one trip to each server. None as for `get`."""
        who = watcher and watcher.who()
        return await self._ask(keys, [who] if who else [])

    async def _ask(self, keys: Sequence[str], who: Sequence[Any]) -> Answers:
        target = await self._followed()
        if target is None:
            return [None] * len(keys)
        if target.topology is Topology.CLUSTER:
            return await self._ask_each_owner(target, keys, who)
        node = CACHE.leads_to() if target.topology is Topology.SENTINEL else target.nodes[0]
        return await self._trip(CACHE, node and target.url_of(*node), keys, who)

    async def _followed(self) -> Target | None:
        """Return where the cache is; None while it is switched off. Settings that changed count from here on."""
        if self._settings is not CACHE.settings:
            self._settings, self._target = CACHE.settings, None
            await self.close()
            if self._closing is None:
                self._closing = self._close_with_the_loop()
                await anext(self._closing)
            with contextlib.suppress(CacheUnavailable):
                self._target = CACHE.target
        return self._target

    async def _ask_each_owner(self, target: Target, keys: Sequence[str], who: Sequence[Any]) -> Answers:
        trips: dict[ClusterNode | None, list[int]] = defaultdict(list)
        owners = CACHE.known_owners()
        for place, key in enumerate(keys):
            trips[owners[hash_slots.of(key)]].append(place)
        trips.pop(None, None)
        found: Answers = [None] * len(keys)
        asked = [
            self._trip(node, target.url_of(node.host, node.port), [keys[place] for place in places], who)
            for node, places in trips.items()
            if node is not None
        ]
        for places, slots in zip(trips.values(), await asyncio.gather(*asked), strict=True):
            for place, slot in zip(places, slots, strict=True):
                found[place] = slot
        return found

    async def _trip(self, known: Server, url: str | None, keys: Sequence[str], who: Sequence[Any]) -> Answers:
        if url is None:
            return [None] * len(keys)
        if (server := self._servers.get(url)) is None:
            server = self._servers[url] = LoopServer(known, url, ask_one_by_one=known is not CACHE)
        if watcher is None or not who:
            return await server.get_many(keys)
        return await watcher.note(who, server.name, server.words(keys), lambda: server.get_many(keys))

    async def _close_with_the_loop(self) -> AsyncGenerator[None, None]:
        """A loop tells nobody that it ends, but it ends the generators that were begun in it."""
        try:
            yield
        finally:
            self._closing = None
            await self.close()

    async def close(self) -> None:
        """Close the connections; the next read opens new ones."""
        servers, self._servers = self._servers, {}
        for server in servers.values():
            await server.close()


_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopReads]" = weakref.WeakKeyDictionary()
_last: LoopReads | None = None  # the one that was asked for last, because a process seldom has more loops than one


def of_this_loop() -> LoopReads | None:
    """Return the reads of the running loop; None while the server is in trouble, so that a thread must be asked."""
    global _last
    if CACHE.breaker.troubled:
        return None
    loop = asyncio.get_running_loop()
    if (last := _last) is not None and last.loop() is loop:
        return last
    if (reads := _loops.get(loop)) is None:
        reads = _loops[loop] = LoopReads(loop)
    _last = reads
    return reads


def _forget() -> None:
    global _loops, _last
    _loops, _last = weakref.WeakKeyDictionary(), None


os.register_at_fork(after_in_child=_forget)
