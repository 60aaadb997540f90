"""Deleting the keys that begin with some text, and what stands between an operator and it: a dry run comes first.

Only slots and hints of registered models are ever deleted. What waits for the database is on the queue server, and
stays.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings

from cachedemo import registry
from cachedemo.exceptions import Refused
from cachedemo.operations.flushdb import TOLERANCE
from cachedemo.plurals import counted
from cachedemo.protocol import aliases, hint_slots, slot_keys
from cachedemo.servers.roles import CACHE

BATCH = 500  # keys that one SCAN looks at
PAUSE = 0.002  # seconds between two batches: others are served meanwhile
DELETE_FOR = 10.0  # seconds of one go: whoever asked waits for it


class DeletionRefused(Refused):
    """Raised when nothing is deleted; the message says why."""


class Found(NamedTuple):
    """What begins with a prefix: how many keys are ours, and how many are not and stay."""

    ours: int
    foreign: int


class Deleted(NamedTuple):
    """What one go has deleted, and whether it came to the end."""

    keys: int
    whole: bool


def is_to_be_typed() -> bool:
    """Whether the operator types the prefix: in production."""
    return not settings.DEBUG


def check(beginning: str) -> None:
    """Raise DeletionRefused unless the text begins with a whole version prefix of a registered model."""
    name = slot_keys.name_in(beginning)
    if name is None or _model_of(name) not in _names():
        raise DeletionRefused(
            f"{beginning!r} is not the beginning of keys of ours: name a version and a model at least, as in v2:user:."
        )


def count(beginning: str) -> Found:
    """The dry run: return what a deletion would take now, and what it would leave. Raises CacheUnavailable."""
    check(beginning)
    ours = foreign = 0
    for keys in CACHE.scan(slot_keys.pattern(beginning), BATCH):
        own = list(_ours(keys))
        ours, foreign = ours + len(own), foreign + len(keys) - len(own)
        time.sleep(PAUSE)
    return Found(ours, foreign)


def delete(beginning: str, shown: int, typed: str) -> Deleted:
    """Delete them, if it still is about what was shown.

    Args:
        shown: how many keys the operator saw in the dry run.
        typed: the prefix, as the operator typed it; it is asked for in production.

    Raises:
        DeletionRefused: nothing is deleted.
        CacheUnavailable: some may be deleted: begin again.
    """
    check(beginning)
    if is_to_be_typed() and typed.strip() != beginning:
        raise DeletionRefused(f"Type {beginning} to delete its keys.")
    now = count(beginning).ours
    if abs(now - shown) > shown * TOLERANCE:
        raise DeletionRefused(f"You were shown {counted(shown, 'key')}, but now there are {now:,}: count again.")
    end, gone = time.monotonic() + DELETE_FOR, 0
    for keys in CACHE.scan(slot_keys.pattern(beginning), BATCH):
        gone += CACHE.unlink(list(_ours(keys)))
        if time.monotonic() > end:
            return Deleted(gone, whole=False)
        time.sleep(PAUSE)
    return Deleted(gone, whole=True)


def _ours(keys: list[bytes]) -> Iterator[bytes]:
    names = _names()
    for key in keys:
        found = slot_keys.parts(key.decode(errors="replace"))
        if found and _model_of(found[1]) in names:
            yield key


def _names() -> set[str]:
    return {cache.table.slots.name for cache in registry.declared()}


def _model_of(name: str) -> str:
    """Return the model's name in a key's, of a slot or of a hint, in whichever database."""
    return aliases.split(hint_slots.split(name)[0])[0]
