"""What stands in for the roles' clients while somebody watches, until the last watcher leaves."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from cachedemo import conf
from cachedemo.protocol import transactions, wake
from cachedemo.servers import loop_reads
from cachedemo.servers.roles import CACHE, QUEUE
from cachedemo.tracing.loop_trips import LoopWatcher
from cachedemo.tracing.recorder import timed, timed_together

_lock = threading.Lock()
_watchers = 0
_plain_trip, _plain_wake = transactions.trip, wake.wake


class RecordingClient:
    """Stands in for a role's client while somebody watches; only what the watcher's own context sends is noted."""

    def __init__(self, server: str, plain: Any) -> None:
        self.server = server
        self.plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def execute_command(self, *words: Any, **options: Any) -> Any:
        return timed(self.server, words, lambda: self.plain.execute_command(*words, **options))

    ask = execute_command

    def recording(self, commands: Sequence[tuple[Any, ...]], collect: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Note commands that were sent before; their answers are collected now."""
        return timed_together(self.server, commands, collect)

    def ask_all(self, commands: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """Note many commands as one round trip."""
        return timed_together(self.server, [tuple(words) for words in commands], lambda: self.plain.ask_all(commands))


@contextmanager
def watching() -> Iterator[None]:
    global _watchers
    with _lock:
        _watchers += 1
        _cover()
    try:
        yield
    finally:
        with _lock:
            _watchers -= 1
            if not _watchers:
                _uncover()


def _cover() -> None:
    for role in (CACHE, QUEUE):
        cover: Any = partial(RecordingClient, role.name)
        role.cover = cover  # also of a client that is opened while somebody watches
        for server in role.opened():
            client: Any = server._client
            if client is not None and not isinstance(client, RecordingClient):
                server._client = cover(client)
    vars(transactions).update(trip=_trip)
    vars(wake).update(wake=_wake)
    vars(loop_reads).update(watcher=LoopWatcher())


def _uncover() -> None:
    for role in (CACHE, QUEUE):
        role.cover = None
        for server in role.opened():
            client: Any = server._client
            if isinstance(client, RecordingClient):
                server._client = client.plain
    vars(transactions).update(trip=_plain_trip)
    vars(wake).update(wake=_plain_wake)
    vars(loop_reads).update(watcher=None)


def _forget_watchers() -> None:
    """A forked child has no watchers: they stayed in the parent."""
    global _lock, _watchers
    _lock, _watchers = threading.Lock(), 0
    _uncover()


def _trip(using: str) -> None:
    if conf.get("SOURCE_LATENCY_MS") and not transactions.in_transaction(using):
        return timed("database", ("TRIP", using), lambda: _plain_trip(using))
    return _plain_trip(using)


def _wake(queue_name: str) -> None:
    timed("worker", ("WAKE", queue_name), lambda: _plain_wake(queue_name))


os.register_at_fork(after_in_child=_forget_watchers)
