"""A primary that sentinels name: connections lead to where a majority of them says that it is.

A primary that was cut off still answers. So nobody is led to one that only the sentinels beside it know, and one that
no majority has confirmed for CONFIRMED_WITHIN is let go of.
"""

import contextlib
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from redis.sentinel import SentinelConnectionPool

from cachedemo.servers.targets import Node, Target

CONFIRMED_WITHIN = 3.0  # seconds
PAUSE = 0.5  # seconds between two questions


class NoMajority(redis.ConnectionError):
    """Raised when less than a majority of the sentinels agrees where the primary is; nothing was sent."""


class Sentinels:
    """The sentinels that a URL names, as redis-py's pool asks them.

    Args:
        found: where the URL leads.
        client: returns a client for the URL of one sentinel.

    Attributes:
        leads_to: the primary that new connections were last led to; None once that is confirmed no more.
    """

    def __init__(self, found: Target, client: Callable[[str], redis.Redis]) -> None:
        self.nodes = found.nodes
        self.service = found.service
        self.leads_to: Node | None = None
        self._clients = [client(found.url_of_sentinel(*node)) for node in found.nodes]

    def discover_master(self, service: str) -> Node:
        """Return where a new connection is to lead. Raises NoMajority."""
        self.leads_to = self.named_by_most()
        return self.leads_to

    def named_by_most(self) -> Node:
        """Return where a majority says that the primary is. Raises NoMajority."""
        with ThreadPoolExecutor(len(self._clients)) as threads:
            answers = list(threads.map(self._ask, self._clients))
        said = Counter(address for address in answers if isinstance(address, tuple))
        for address, votes in said.items():
            if votes > len(self._clients) // 2:
                return address
        raise NoMajority(
            f"Error connecting to the primary: {sum(said.values())} of {len(self._clients)} sentinels name one of the "
            f"name {self.service}, and no majority the same.{self._first_problem(answers)}"
        )

    def _first_problem(self, answers: Sequence[Node | redis.RedisError | None]) -> str:
        """Return what one of them has said instead, such as that its password is another, in a sentence."""
        for (host, port), answer in zip(self.nodes, answers, strict=True):
            if isinstance(answer, redis.RedisError):
                return f" Of that at {host}:{port} we have: {answer}"
        return ""

    def _ask(self, client: redis.Redis) -> Node | redis.RedisError | None:
        try:
            answer = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        except redis.RedisError as error:
            return error
        if not answer:
            return None
        host, port = answer
        return host.decode() if isinstance(host, bytes) else host, int(port)


def pool_of(sentinels: Sentinels, options: dict[str, Any]) -> SentinelConnectionPool:
    """Return a pool whose connections lead to the primary, and which is watched for as long as somebody has it."""
    pool = SentinelConnectionPool(sentinels.service, sentinels, **options)
    watch = threading.Thread(target=_watch, args=(weakref.ref(pool), sentinels), name="cachedemo-sentinels")
    watch.daemon = True
    with contextlib.suppress(RuntimeError):  # no thread can start now: failovers are noticed by errors alone
        watch.start()
    return pool


def _watch(pool: "weakref.ref[SentinelConnectionPool]", sentinels: Sentinels) -> None:
    """Close the connections to a primary that no majority confirms any more; the next ones ask where it is."""
    confirmed = time.monotonic()
    while True:
        time.sleep(PAUSE)
        if (watched := pool()) is None:
            return
        begun, named = time.monotonic(), None
        with contextlib.suppress(NoMajority):
            named = sentinels.named_by_most()
        if named is not None and watched.master_address in (None, named):
            confirmed = begun
        elif named is not None or begun - confirmed > CONFIRMED_WITHIN:
            sentinels.leads_to = None
            watched.disconnect()  # those in use too: a command that is under way fails, and its outcome is unknown
        del watched
