"""Doing something and keeping what it did: its trace, how long it took, and what the three places had then."""

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cachedemo import Entry, ModelCache, trace
from cachedemo.operations.row_state import CACHE_PLACE, DATABASE_PLACE, NO_ANSWER, QUEUE_PLACE, RowState, look_at
from cachedemo.tracing.trace import Step
from playground.timeline import kept_steps

T = TypeVar("T")
Track = dict[str, Any]
SILENT = "does not answer"


def track(
    label: str,
    cache: ModelCache,
    pk: int,
    work: Callable[[], T],
    answer: Callable[[T], str] = lambda result: "",
    actor: str = "app",
    ends: str = "The caller has its answer.",
) -> Track:
    """Do the work, and keep its trace and what is where at its end, before anybody reads anything.

    Args:
        answer: says what came of it, in a sentence.
        actor: who does it.
        ends: what to say once it is over.
    """
    began = time.perf_counter()
    with trace() as steps:
        result = work()
    took = time.perf_counter() - began
    told = {"answer": answer(result), "actor": actor, "ends": ends, "places": places(cache, pk)}
    return of_steps(label, kept_steps(steps), took) | told


def returned(entry: Entry) -> str:
    """Say what a read has returned."""
    return f"The caller gets “{json.loads(entry.body or b'{}').get('name', 'no row')}”."


def acknowledged(result: object) -> str:
    return "The write is acknowledged: the caller is told that it is done."


def of_steps(label: str, steps: Sequence[dict[str, Any]], seconds: float) -> Track:
    return {"label": label, "steps": list(steps), "took_ms": seconds * 1000, "places": []}


def places(cache: ModelCache, pk: int) -> list[dict[str, Any]]:
    """Return what cache, queue and database have of the name of a row, in words."""
    look = look_at(cache, [pk])
    found = look.rows[pk]
    texts = {CACHE_PLACE: _cached(found), QUEUE_PLACE: _waiting(cache, found), DATABASE_PLACE: _stored(found)}
    newest = _newest(found)
    return [
        {
            "place": place,
            "text": SILENT if place in look.problems else text,
            "older": place not in look.problems and value is not None and value != newest,
        }
        for place, (text, value) in texts.items()
    ]


def kept_by(actor: str, steps: Sequence[Step], offset: float) -> list[dict[str, Any]]:
    """Return an actor's steps on the clock of the whole, `offset` microseconds after its beginning."""
    return [step | {"actor": actor, "start": step["start"] + offset} for step in kept_steps(steps)]


def _cached(found: RowState) -> tuple[str, Any]:
    slot = found.slot
    if slot is None or slot.body is None:
        return "empty", None
    name = slot.values.get("name")
    if name is not None:
        return str(name), name
    return (slot.kind.words if slot.kind else "foreign bytes"), None


def _waiting(cache: ModelCache, found: RowState) -> tuple[str, Any]:
    newer = found.newer.get("name")
    if newer is not None:
        return f"{newer} waits", newer
    with contextlib.suppress(*NO_ANSWER):
        if cache.table.queue.owed()[0]:
            return "a note: the cache entry must be emptied", None
    return "nothing waits", None


def _stored(found: RowState) -> tuple[str, Any]:
    name = found.row[1].get("name") if found.row else None
    return (str(name), name) if name is not None else ("no row", None)


def _newest(found: RowState) -> Any:
    return found.newer.get("name", found.row[1].get("name") if found.row else None)
