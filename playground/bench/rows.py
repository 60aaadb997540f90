"""Rows, slots and a queue that nobody else uses, gone when the measurement is over."""

import contextlib
import secrets
from typing import Any, Self

from django.db import connections

from cachedemo import ModelCache
from cachedemo.exceptions import Unavailable
from cachedemo.protocol import wake
from cachedemo.servers.roles import QUEUE
from users.models import User


class Throwaway:
    """So many rows of `User` behind a cache of their own, which no worker serves."""

    def __init__(self, count: int) -> None:
        self.token = secrets.token_hex(6)
        self.count = count
        self.cache = _cache(self.token)
        self.pks: list[int] = []

    def __enter__(self) -> Self:
        self._asks = wake._ask
        wake.ask_with(lambda queue: None)  # this queue is flushed here, and timed
        emails = [f"{self.token}-{number}@bench.example.com" for number in range(self.count)]
        User.objects.bulk_create(User(name=f"Person {n}", email=email) for n, email in enumerate(emails))
        self.pks = list(self._rows.order_by("pk").values_list("pk", flat=True))
        self.cache.announce()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._asks is not None:
            wake.ask_with(self._asks)
        if error:  # Ctrl-C may have come in the middle of a statement, and this connection is of no more use
            connections[self.cache.table.using].close()
        self._rows._raw_delete(self.cache.table.using)  # past the signals: the registered cache has never seen them
        with contextlib.suppress(Unavailable):  # slots expire by themselves
            self.cache.table.slots.drop(self.pks, [])
        with contextlib.suppress(Unavailable):
            QUEUE.command("UNLINK", *_keys_of(str(self.cache.queue)))

    @property
    def _rows(self) -> Any:
        return User.objects.filter(email__startswith=f"{self.token}-", email__endswith="@bench.example.com")


def _keys_of(queue: str) -> list[Any]:
    """Return every key of one queue, and of no other."""
    keys, cursor = [queue], b"0"
    while True:
        cursor, found = QUEUE.command("SCAN", cursor, "MATCH", f"{{{queue}}}:*", "COUNT", 1000)
        keys += found
        if cursor in (b"0", 0):
            return keys


def _cache(token: str) -> ModelCache:
    class Bench(ModelCache):
        name = f"bench-{token}"
        queue = f"flush:bench-{token}"
        fields = ["name", "email"]

    return Bench(User)
