"""The tests' own model with copies in the process: registered anew, here or in a process of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cachedemo
from cachedemo import cache_for, registry
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import roles
from tests.helpers import until
from tests.notes.caches import NoteCache
from tests.notes.models import Note


@contextmanager
def registered(near: float | None = 0.5, **options: Any) -> Iterator[Any]:
    """Register notes with these options in the place of what there is, for a while; yield their cache."""
    plain = registry._declared.pop(Note)
    try:
        cachedemo.register(Note)(type("NearNoteCache", (NoteCache,), {"near": near, **options}))
        yield cache_for(Note)
    finally:
        registry._declared[Note] = plain
        stop_listening()


def copied(cache: Any, *pks: Any) -> None:
    """Read until these rows are read from their copies."""
    until(lambda: all(entry.origin == "near" for entry in cache.read_many(pks).values()))


def stop_listening() -> None:
    """Let no thread listen any more, and no copy be left: some tests count connections."""
    roles.reset()
    until(lambda: not any(thread.name == "cachedemo-near" for thread in threading.enumerate()))
    COPIES.forget_all()
