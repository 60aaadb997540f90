"""Rows, slots and a queue that nobody else uses, gone when the work on them is over.

Their ids are below zero, so that no sequence moves: the next user's id is what it would have been. Their emails and
keys have the token of their run, by which what a killed run has left is found and taken away, and what could not be
reached while a server was down.
"""

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from django.db import DatabaseError, IntegrityError, connections, models

from cachedemo import ModelCache, cache_for
from cachedemo.exceptions import CachedemoError
from cachedemo.protocol import wake
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.servers.server_errors import Error
from playground import throwaway_runs
from playground.throwaway_runs import PREFIX, Run
from users.models import User

TRIES = 5  # to find ids that nobody has

NO_ANSWER = (CachedemoError, Error, DatabaseError)


class Throwaway:
    """Some rows of `User`, behind a cache of their own whose queue no worker serves.

    Args:
        count: how many rows.
        names: the name of each; "Person 0" and so on where there are fewer.
        fields: those that are cached.
    """

    def __init__(self, count: int, names: tuple[str, ...] = (), fields: tuple[str, ...] = ("name", "email")) -> None:
        self.names = [*names, *(f"Person {n}" for n in range(len(names), count))][:count]
        self.run = Run()
        self.cache = _cache(self.run.token, fields)
        self.pks: list[int] = []

    def __enter__(self) -> Self:
        _ask_for_no_flush_of_these()
        sweep()
        self.run.begin()
        try:
            self.pks = make_rows(self.names, self.run)
            self.cache.announce()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:  # Ctrl-C may have come in the middle of a statement, and this connection is of no more use
            connections[self.cache.table.using].close()
        self.run.end(nothing_is_left=take_away(self.run.token, self.pks))


@contextmanager
def registered_row(name: str) -> Iterator[int]:
    """Make one row that no cache has seen, for the registered cache, and take it away whatever happens meanwhile."""
    sweep()
    run = Run().begin()
    pks = list[int]()
    try:
        pks += make_rows([name], run)
        yield pks[0]
    finally:
        _delete_registered(pks)
        run.end(nothing_is_left=take_away(run.token, pks))


def make_rows(names: list[str], run: Run) -> list[int]:
    """Insert rows past cachedemo, so that no cache has seen them, and return their ids, all below zero."""
    for _ in range(TRIES):
        first = 1 + secrets.randbelow(9_999 * len(names))
        pks = [-(first + n) for n in range(len(names))]
        emails = [f"{run.token}-{pk}@example.com" for pk in pks]
        rows = [User(pk=pk, name=name, email=email) for pk, name, email in zip(pks, names, emails, strict=True)]
        with contextlib.suppress(IntegrityError):  # somebody else has one of them now
            _plain_rows().bulk_create(rows)
            run.note(pks)
            return pks
    raise IntegrityError("No ids below zero are free for throwaway rows.")


def sweep() -> None:
    """Take away what runs have left that are over, those of other machines too."""
    tokens: set[str | None] = {*throwaway_runs.over()}
    with contextlib.suppress(*NO_ANSWER):
        tokens |= {_token(email) for email in _rows(PREFIX).values_list("email", flat=True)}
    with contextlib.suppress(*NO_ANSWER):
        tokens |= {_token(key) for key in _keys_like(f"*flush:{PREFIX}-*")}
    _take_away_all(token for token in tokens if token and throwaway_runs.is_over(token))


def sweep_this_machine() -> None:
    """Take away what this machine's runs have left: that asks no server while there is none, so it is done often."""
    _take_away_all(throwaway_runs.over())


def take_away(token: str, pks: Sequence[int]) -> bool:
    """Take away all that has this token, and the keys of these rows; say whether everything was reached."""
    gone = [
        _reached(lambda: _rows(token)._raw_delete("default")),
        _reached(lambda: _drop_slots(token, pks)),
        _reached(lambda: _unlink_queue(token)),
    ]
    return all(gone)


def _take_away_all(tokens: Any) -> None:
    for token in tokens:
        pks = set(throwaway_runs.noted(token))
        with contextlib.suppress(*NO_ANSWER):
            pks |= set(_rows(token).values_list("pk", flat=True))
        if take_away(token, sorted(pks)):
            throwaway_runs.forget(token)


def _reached(work: Callable[[], object]) -> bool:
    try:
        work()
    except NO_ANSWER:
        return False
    return True


def _delete_registered(pks: Sequence[int]) -> None:
    """Have the registered cache forget rows, and its queue what waits for them."""
    for pk in pks:
        with contextlib.suppress(*NO_ANSWER, User.DoesNotExist):
            cache_for(User).delete(pk)


def _drop_slots(token: str, pks: Sequence[int]) -> None:
    caches = (_cache(token, ("name",)), cache_for(User))
    CACHE.unlink([cache.table.slots.key(pk) for cache in caches for pk in pks])


def _unlink_queue(token: str) -> None:
    queue = _cache(token, ("name",)).table.queue
    QUEUE.unlink([queue.list_key, *_keys_like(queue.key("*"))])


def _plain_rows() -> Any:
    """Return the rows past cachedemo: the registered cache never hears of them."""
    return models.QuerySet(User)


def _rows(token: str) -> Any:
    return _plain_rows().filter(pk__lt=0, email__startswith=f"{token}-")


def _token(found: str | bytes) -> str | None:
    return throwaway_runs.token_in(found.decode(errors="replace") if isinstance(found, bytes) else found)


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
