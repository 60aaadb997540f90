"""The way of a pending write to the database: its stages, and in a sentence which one it is at."""

from typing import NamedTuple

from cachedemo.operations.row_state import RowState

_AT = {"list": 1, "claimed": 2, "dead": 3, "": 4}


class Stage(NamedTuple):
    """One step on the way of a pending write."""

    label: str
    state: str  # "done", "now", "refused" or "next"


def stages(place: str | None, was_queued: bool) -> list[Stage]:
    """Return the stages with the one that the write is at; none where no write has taken this way.

    Args:
        place: where the row's write waits, by its name; "" if none does, None if nobody can tell.
        was_queued: whether the page follows a write that the queue took.
    """
    if place is None or (not place and not was_queued):
        return []
    at = _AT[place]
    last = "refused: a dead letter" if place == "dead" else "in the database"
    labels = ["acknowledged", "in the queue", "claimed by a flush", last]
    now = "refused" if place == "dead" else "now"
    return [Stage(label, "done" if n < at else now if n == at else "next") for n, label in enumerate(labels)]


def sentence(found: RowState, place: str | None, prospect: str) -> str:
    """Say where the write is; `prospect` is what becomes of one that waits or is claimed."""
    if place is None:
        return "The queue server does not answer: nobody can tell what waits."
    names = ", ".join(sorted(found.waiting or {}))
    return {
        "": "Nothing waits: the database has every acknowledged write of this row.",
        "list": f"A write of {names} is acknowledged and waits for the worker. {prospect}",
        "claimed": f"A flush holds the write of {names}. {prospect}",
        "dead": f"The database refused the write of {names}: it is a dead letter. Reads still return it, and an "
        "operator can retry it or give it up.",
    }[place]
