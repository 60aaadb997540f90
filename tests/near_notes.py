"""The tests' own model with copies in the process: registered anew, here or in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cachedemo
from cachedemo import cache_for, registry
from cachedemo.protocol.near_copies import COPIES
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
        COPIES.forget_all()


def copied(cache: Any, *pks: Any) -> None:
    """Read until these rows are read from their copies."""
    until(lambda: all(entry.origin == "near" for entry in cache.read_many(pks).values()))
