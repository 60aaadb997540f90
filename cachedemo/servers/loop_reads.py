"""What an event loop reads of the cache: all that is asked for in one turn of it goes as one MGET.

A loop has one client, which is closed with it. Nothing here blocks the loop or needs a thread; a server in trouble is
left to `roles.py`, whose breaker blocks: who gets no answer here asks in a thread.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import redis
from redis import asyncio as redis_asyncio

from cachedemo.servers.client import async_client_for
from cachedemo.servers.greeting import NOT_LEARNED, greet_in_a_loop
from cachedemo.servers.roles import CACHE
from cachedemo.servers.targets import Topology

MOST = 1000  # keys in one MGET


class LoopReads:
    """The reads of one event loop from the cache."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []  # asked for in this turn
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: redis_asyncio.Redis | None = None
        self._identity = NOT_LEARNED
        self._settings: object = None  # the role's, when ours was opened
        self._is_one_server = False
        self._closing: AsyncGenerator[None, None] | None = None

    def leads_to_one_server(self) -> bool:
        """Say whether one MGET reaches all keys. Settings that changed since the last turn count from here on."""
        if self._settings is not CACHE.settings:
            self._settings = CACHE.settings
            self._is_one_server = CACHE.target.topology is Topology.ONE_SERVER
            self._let_go()
        return self._is_one_server

    def server(self) -> bytes | None:
        """Return which server answers here; None where the threads of this process know another by now.

        Ask one of them then; the next read here opens a new client.
        """
        if self._identity == CACHE.recognised.identity:
            return self._identity
        self._let_go()
        return None

    def _let_go(self) -> None:
        if self._client is not None:
            self._keep(self._loop.create_task(self.close()))

    async def _greet(self, connection: Any) -> None:
        self._identity = await greet_in_a_loop(connection)

    def get(self, key: str) -> "asyncio.Future[bytes | None]":
        """Return what is under a key, None also where it is no string.

        Who is cancelled drops only that future; the trip goes on for the others.

        Raises:
            CacheUnavailable: the server gave no answer.
        """
        if not self._waiting:
            self._loop.call_soon(self._go)
        answer: asyncio.Future[bytes | None] = self._loop.create_future()
        self._waiting.append((key, answer))
        return answer

    def _go(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MOST):
            self._keep(self._loop.create_task(self._answer(waiting[start : start + MOST])))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        """A loop keeps no task alive by itself."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, waiting: list[tuple[str, "asyncio.Future[bytes | None]"]]) -> None:
        try:
            found = await self.get_many([key for key, _ in waiting])
        except BaseException as error:
            for _, answer in waiting:
                if not answer.done():
                    answer.cancel() if isinstance(error, asyncio.CancelledError) else answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), slot in zip(waiting, found, strict=True):
            if not answer.done():
                answer.set_result(slot)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return what is under these keys, at most a thousand, in one trip. Raises as `get` does."""
        try:
            client = await self._open()
            found: list[bytes | None] = await client.execute_command("MGET", *keys)
        except redis.RedisError as error:
            CACHE.breaker.note(error)
            raise CACHE.outage(error) from error
        except (
            AttributeError,
            OSError,
            RuntimeError,
        ) as error:  # of a transport that was just closed
            raise CACHE.unavailable("The connection to the cache server was closed meanwhile.") from error
        return found

    async def _open(self) -> redis_asyncio.Redis:
        if self._client is None:
            self._client = async_client_for(CACHE.target, self._greet)
            if self._closing is None:
                self._closing = self._close_with_the_loop()
                await anext(self._closing)
        return self._client

    async def _close_with_the_loop(self) -> AsyncGenerator[None, None]:
        """A loop tells nobody that it ends, but it ends the generators that were begun in it."""
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connections; the next read opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, LoopReads]" = WeakKeyDictionary()


def of_this_loop() -> LoopReads | None:
    """Return the reads of the running loop; None where a thread must be asked.

    That is while the server is in trouble; and in a cluster or behind sentinels, where a thread's client knows who has
    a key now.
    """
    if CACHE.breaker.troubled:
        return None
    loop = asyncio.get_running_loop()
    if (reads := _loops.get(loop)) is None:
        reads = _loops[loop] = LoopReads(loop)
    return reads if reads.leads_to_one_server() else None


def _forget() -> None:
    global _loops
    _loops = WeakKeyDictionary()


os.register_at_fork(after_in_child=_forget)
