"""One server, as an event loop asks it: a client of the loop's own, beside that of the threads.

What the threads know of the server counts here too: its breaker, and which server it is. Where the loop has an answer
of another one, or none at all, the reader asks in a thread.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import redis
from redis import asyncio as redis_asyncio

from cachedemo.servers.client import connect_in_a_loop, pack_in_c
from cachedemo.servers.greeting import NOT_LEARNED, greet_in_a_loop
from cachedemo.servers.server import Server

# The last three are of a transport that was closed meanwhile.
_NO_ANSWER = (redis.RedisError, AttributeError, OSError, RuntimeError)


class Found(NamedTuple):
    """What stands under a key, and in which server (see `greeting.py`)."""

    slot: bytes
    server: bytes


Answers = list[Found | None]
_found = partial(tuple.__new__, Found)  # a call less for each key


class LoopServer:
    """The client of one event loop for one server.

    Args:
        known: the server, as the threads know it.
        url: of that server.
        ask_one_by_one: whether keys may be in more than one hash slot, so that each is a command of its own.
    """

    def __init__(self, known: Server, url: str, ask_one_by_one: bool) -> None:
        self._known = known
        self._url = url
        self.name = known.name
        self._one_by_one = ask_one_by_one
        self._client: redis_asyncio.Redis | None = None
        self._identity = NOT_LEARNED

    def words(self, keys: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the commands of one trip for these keys."""
        return [("GET", key) for key in keys] if self._one_by_one else [("MGET", *keys)]

    async def get_many(self, keys: Sequence[str]) -> Answers:
        """Return what is under these keys, at most a thousand, in one trip; None where a thread must ask."""
        if self._known.breaker.troubled:
            return [None] * len(keys)
        try:
            found = await self._sent(keys)
        except _NO_ANSWER:
            pass  # the breaker is told by the thread that asks: a loop that is busy takes itself for a silent server
        else:
            if (server := self._identity) == self._known.recognised.identity:
                return [None if slot is None else self._found(slot, server) for slot in found]
        await self.close()  # the next read opens a new one
        return [None] * len(keys)

    async def _sent(self, keys: Sequence[str]) -> Sequence[Any]:
        """Send all, then take the answers; of GETs, one that is an error, such as MOVED, stands among them."""
        client = self._opened()
        if self._one_by_one:
            pipeline = client.pipeline(transaction=False)
            for words in self.words(keys):
                pipeline.execute_command(*words)
            return await pipeline.execute(raise_on_error=False)
        found: Sequence[Any] = await client.execute_command("MGET", *keys)
        return found

    def _found(self, slot: Any, server: bytes) -> Found | None:
        if isinstance(slot, bytes):
            return _found((slot, server))
        if isinstance(slot, redis.RedisError):
            self._known.outage(slot)  # which takes note, if it says that the cluster has changed
        return None

    def _opened(self) -> redis_asyncio.Redis:
        if self._client is None:
            self._client = connect_in_a_loop(self._url, self._greet)
        return self._client

    async def _greet(self, connection: Any) -> None:
        pack_in_c(connection)
        self._identity = await greet_in_a_loop(connection)

    async def close(self) -> None:
        """Close the connections; the next read opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
