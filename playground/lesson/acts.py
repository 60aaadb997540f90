"""Doing something and keeping what it did: its trace, how long it took, and what the three places had then."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from cachedemo import ModelCache, trace
from cachedemo.operations.row_state import CACHE_PLACE, DATABASE_PLACE, QUEUE_PLACE, RowState, look_at
from cachedemo.tracing.trace import Step
from playground.timeline import kept_steps

Track = dict[str, Any]
NO_ANSWER = "does not answer"


def track(label: str, cache: ModelCache, pk: int, work: Callable[[], object]) -> Track:
    """Do the work, and keep its trace and what is where at its end, before anybody reads anything."""
    began = time.perf_counter()
    with trace() as steps:
        work()
    took = time.perf_counter() - began
    return of_steps(label, kept_steps(steps), took) | {"places": places(cache, pk)}


def of_steps(label: str, steps: Sequence[dict[str, Any]], seconds: float) -> Track:
    return {"label": label, "steps": list(steps), "took_ms": seconds * 1000, "places": []}


def places(cache: ModelCache, pk: int) -> list[dict[str, Any]]:
    """Return what cache, queue and database have of the name of a row, in words."""
    look = look_at(cache, [pk])
    found = look.rows[pk]
    texts = {CACHE_PLACE: _cached(found), QUEUE_PLACE: _waiting(found), DATABASE_PLACE: _stored(found)}
    newest = _newest(found)
    return [
        {
            "place": place,
            "text": NO_ANSWER if place in look.problems else text,
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


def _waiting(found: RowState) -> tuple[str, Any]:
    newer = found.newer.get("name")
    return (f"{newer} waits", newer) if newer is not None else ("nothing waits", None)


def _stored(found: RowState) -> tuple[str, Any]:
    name = found.row[1].get("name") if found.row else None
    return (str(name), name) if name is not None else ("no row", None)


def _newest(found: RowState) -> Any:
    return found.newer.get("name", found.row[1].get("name") if found.row else None)
