"""A model of the tests with copies in the process: registered anew, here or in a process of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cachedemo
from cachedemo import cache_for, registry
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import roles
from tests.helpers import until
from tests.notes.models import Note
from tests.servers import servers_of


@contextmanager
def registered(near: float | None = 0.5, model: Any = Note, **options: Any) -> Iterator[Any]:
    """Register a model with these options in the place of what there is, for a while; yield its cache."""
    before = dict(registry._declared)
    plain = registry._declared.pop(model)
    try:
        cachedemo.register(model)(type(f"Near{model.__name__}Cache", (type(plain),), {"near": near, **options}))
        yield cache_for(model)
    finally:
        registry._declared.clear()
        registry._declared.update(before)  # in the order that there was
        stop_listening()


def copied(cache: Any, *pks: Any) -> None:
    """Read until these rows are read from their copies."""
    until(lambda: all(entry.origin == "near" for entry in cache.read_many(pks).values()))


def heard_all() -> None:
    """Wait until everything has been heard that the cache's servers have said by now."""
    now = time.monotonic()
    until(lambda: all(each.feed and each.feed.confirmed > now for each in COPIES.listeners()))


def cut(redis_cache: Any) -> None:
    """End the connections over which anybody listens: what is written from then on is not said to them."""
    for server in servers_of(redis_cache):
        for client in server.client_list():
            if "t" in client["flags"]:
                server.client_kill_filter(_id=client["id"])


def stop_listening() -> None:
    """Let no thread listen any more, and no copy be left: some tests count connections."""
    roles.reset()
    until(lambda: not any(thread.name == "cachedemo-near" for thread in threading.enumerate()))
    COPIES.forget_all()
