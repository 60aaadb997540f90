"""The way of a pending write to the database: its stages, and in a sentence which one it is at."""

from typing import NamedTuple

from cachedemo.operations.row_state import RowState


class Stage(NamedTuple):
    """One step on the way of a pending write."""

    label: str
    state: str  # "done", "now" or "next"


def stages(place: str | None) -> list[Stage]:
    """Return the stages, with the one that the write is at.

    Args:
        place: where the row's write waits, as `place_in_queue` has it; "" if none does, None if nobody can tell.
    """
    at = {"list": 1, "dead": 1, "claimed": 2}.get(place or "", 3)
    labels = ["acknowledged", "in the queue", "claimed by a flush", "in the database"]
    return [
        Stage(label, "done" if n < at or at == 3 else "now" if n == at else "next") for n, label in enumerate(labels)
    ]


def sentence(found: RowState, place: str | None) -> str:
    """Say where the write is."""
    if place is None:
        return "The queue server does not answer: nobody can tell what waits."
    names = ", ".join(sorted(found.waiting or {}))
    return {
        "": "Nothing waits: the database has every acknowledged write of this row.",
        "list": f"A write of {names} is acknowledged and waits for the worker.",
        "claimed": f"A flush holds the write of {names} and is taking it to the database.",
        "dead": f"The database refused the write of {names}: it is a dead letter, and the admin can retry it.",
    }[place]
