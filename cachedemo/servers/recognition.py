"""Which server a role's is at the moment: noted with each new connection, and let go of when it is another one."""

import threading
from collections.abc import Callable
from typing import Any

import redis

from cachedemo.servers.greeting import NOT_LEARNED, NOT_TOLD, greet, identity

Greeting = Callable[[Any], None]  # what the connections of one pool do first


class Recognition:
    """Which server is there.

    Args:
        let_go: forgets the client, whose connections are to the server before.
        mode: of what kind it must be, `standalone` or `cluster`.

    Attributes:
        identity: which one (see `greeting.py`).
    """

    def __init__(self, let_go: Callable[[], None], mode: str) -> None:
        self._mode = mode
        self.identity = NOT_LEARNED
        self._let_go = let_go
        self._greeting: Greeting | None = None  # of the pool that is in use
        self._noting = threading.Lock()

    def new_greeting(self) -> Greeting:
        """Return what the connections of a new pool are to do first."""

        def greeting(connection: Any) -> None:
            self._note(greet(connection, self._mode), greeting)

        self._greeting = greeting
        return greeting

    @property
    def may_change(self) -> bool:
        """Whether the server is known, and tells who it is."""
        return self.identity not in (NOT_LEARNED, NOT_TOLD)

    def ask(self, connection: Any) -> None:
        """Ask on a connection of the pool in use: a promotion need not end it."""
        self._note(identity(connection), self._greeting)

    def _note(self, found: bytes, greeting: Greeting | None) -> None:
        with self._noting:
            if found == self.identity:
                return
            if greeting is not self._greeting:  # a connection that began before the others knew better
                raise redis.ConnectionError("Error connecting to it: another server has taken its place.")
            known, self.identity = self.identity, found
        if known != NOT_LEARNED:
            self._let_go()
