"""Rows, slots and a queue that nobody else uses, gone when the work on them is over.

Their ids are below zero, so that no sequence moves: the next user's id is what it would have been. Their emails say
when they were made, so that whoever comes next takes away what an interrupted run has left.
"""

import contextlib
import re
import secrets
import time
from typing import Any, Self

from django.db import DatabaseError, IntegrityError, connections, models

from cachedemo import ModelCache
from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import wake
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error
from users.models import User

PREFIX = "throwaway"
STALE = 900  # seconds after which a run that has left something is over; none takes as long
TRIES = 5  # to find ids that nobody has

NO_ANSWER = (CachedemoError, Error, DatabaseError)
_MADE = re.compile(PREFIX + r"-([0-9a-f]{8})")


class Throwaway:
    """Some rows of `User`, behind a cache of their own whose queue no worker serves.

    Args:
        count: how many rows.
        names: the name of each; "Person 0" and so on where there are fewer.
        fields: those that are cached.
    """

    def __init__(self, count: int, names: tuple[str, ...] = (), fields: tuple[str, ...] = ("name", "email")) -> None:
        self.token = f"{PREFIX}-{int(time.time()):08x}{secrets.token_hex(3)}"
        self.names = [*names, *(f"Person {n}" for n in range(len(names), count))][:count]
        self.cache = _cache(self.token, fields)
        self.pks: list[int] = []

    def __enter__(self) -> Self:
        _ask_for_no_flush_of_these()
        sweep()
        self.pks = make_rows(self.names, self.token)
        self.cache.announce()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:  # Ctrl-C may have come in the middle of a statement, and this connection is of no more use
            connections[self.cache.table.using].close()
        with contextlib.suppress(*NO_ANSWER):  # `sweep` comes back to it
            _rows(self.token)._raw_delete(self.cache.table.using)
        with contextlib.suppress(*NO_ANSWER):  # slots expire by themselves
            self.cache.table.slots.drop(self.pks, [])
        with contextlib.suppress(*NO_ANSWER):
            QUEUE.unlink([self.cache.table.queue.list_key, *_keys_like(self.cache.table.queue.key("*"))])


def make_rows(names: list[str], token: str) -> list[int]:
    """Insert rows past cachedemo, so that no cache has seen them, and return their ids, all below zero."""
    for _ in range(TRIES):
        first = 1 + secrets.randbelow(9_999 * len(names))
        pks = [-(first + n) for n in range(len(names))]
        rows = [User(pk=pk, name=name, email=f"{token}-{pk}@example.com") for pk, name in zip(pks, names, strict=True)]
        with contextlib.suppress(IntegrityError):  # somebody else has one of them now
            _plain_rows().bulk_create(rows)
            return pks
    raise IntegrityError("No ids below zero are free for throwaway rows.")


def sweep() -> None:
    """Take away what runs have left that were killed, or ended while a server was down."""
    with contextlib.suppress(*NO_ANSWER):
        _rows(PREFIX).filter(email__lt=f"{PREFIX}-{int(time.time()) - STALE:08x}")._raw_delete("default")
    with contextlib.suppress(*NO_ANSWER):
        if left := [key for key in _keys_like(f"*flush:{PREFIX}-*") if _is_stale(key)]:
            QUEUE.unlink(left)


def forget(cache: ModelCache, pk: int) -> None:
    """Delete one throwaway row of the registered cache, with what is cached of it and what waits for it."""
    try:
        cache.delete(pk)
    except (*NO_ANSWER, User.DoesNotExist):
        with contextlib.suppress(*NO_ANSWER):  # what waits for a row that is gone is dropped by the flush
            _plain_rows().filter(pk=pk)._raw_delete("default")
    with contextlib.suppress(*NO_ANSWER):
        CACHE.command("UNLINK", cache.table.slots.key(pk))


def _plain_rows() -> Any:
    """Return the rows past cachedemo: the registered cache never hears of them."""
    return models.QuerySet(User)


def _rows(token: str) -> Any:
    return _plain_rows().filter(pk__lt=0, email__startswith=f"{token}-")


def _is_stale(key: bytes) -> bool:
    made = _MADE.search(key.decode(errors="replace"))
    return made is not None and int(made[1], 16) < time.time() - STALE


def _keys_like(pattern: str) -> list[Any]:
    return [key for keys in QUEUE.scan(pattern, 1000) for key in keys]


def _cache(token: str, cached: tuple[str, ...]) -> ModelCache:
    class OfItsOwn(ModelCache):
        name = token
        queue = f"flush:{token}"
        fields = list(cached)

    return OfItsOwn(User)


def _ask_for_no_flush_of_these() -> None:
    """Keep requests for a flush of these queues from the workers: they know none of them."""
    plain = wake._ask
    if plain is not None and not getattr(plain, "leaves_throwaways_alone", False):
        wake.ask_with(_leaving_throwaways_alone(plain))


def _leaving_throwaways_alone(plain: Any) -> Any:
    def ask(queue: str) -> None:
        if f"flush:{PREFIX}-" not in queue:
            plain(queue)

    ask.leaves_throwaways_alone = True  # type: ignore[attr-defined]
    return ask
