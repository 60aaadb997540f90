"""One row in the cache, in the queue and in the database, side by side, found out without changing anything."""

from typing import Any, NamedTuple

from cachedemo import ModelCache
from cachedemo.operations.row_state import (
    CACHE_PLACE,
    DATABASE_PLACE,
    NO_ANSWER,
    QUEUE_PLACE,
    Look,
    PlaceInQueue,
    RowState,
    Slot,
    look_at,
    place_in_queue,
)
from cachedemo.protocol import stamps
from cachedemo.protocol.increments import Changes
from playground.pending_write import Stage, sentence, stages
from users.pages import prospects, words

_WAITING: dict[str | None, str] = {
    "": "nothing",
    "list": "a waiting write",
    "claimed": "a claimed write",
    "dead": "a dead letter",
}


class Cell(NamedTuple):
    """What one place has of one field."""

    text: str
    older: bool = False  # somewhere else there is a newer value


UNKNOWN = Cell("unknown")


class Line(NamedTuple):
    """One field in all three places."""

    name: str
    cells: list[Cell]


class State(NamedTuple):
    lines: list[Line]
    stages: list[Stage]
    sentence: str
    down: list[str]


def state(cache: ModelCache, pk: Any, was_queued: bool = False) -> State:
    """Look at all three places; one that does not answer is named in `down`.

    Args:
        was_queued: whether this follows a write that the queue took, and so has stages.
    """
    look = look_at(cache, [pk])
    found = look.rows[pk]
    at = _place(cache, pk, look)
    place = at.name if at else None
    down = {*look.problems, *([QUEUE_PLACE] if place is None else [])}
    says = sentence(found, place, _prospect(cache, at))
    return State(_lines(cache, found, place, down), stages(place, was_queued), says, sorted(down))


def _place(cache: ModelCache, pk: Any, look: Look) -> PlaceInQueue | None:
    """Return where the row's write waits, one with an empty name if none does; None if the queue does not answer."""
    if QUEUE_PLACE in look.problems:
        return None
    try:
        return place_in_queue(cache, pk) if look.rows[pk].waiting else PlaceInQueue("")
    except NO_ANSWER:
        return None


def _prospect(cache: ModelCache, at: PlaceInQueue | None) -> str:
    """Return what becomes of a write that waits or is claimed; empty for any other."""
    if at is None or at.name not in ("list", "claimed"):
        return ""
    return prospects.of(cache) if at.deadline is None else prospects.of_claimed(cache, at.deadline)


def _lines(cache: ModelCache, found: RowState, place: str | None, down: set[str]) -> list[Line]:
    lines = [
        *(_line(name, found) for name in cache.table.codec.fields),
        Line("stamp", [Cell(text) for text in _stamps(found)]),
        Line("holds", [Cell(text) for text in _contents(found, place)]),
        Line("expires in", [Cell(_time_left(found.slot)), Cell("never" if place else "–"), Cell("never")]),
    ]
    silent = [place in down for place in (CACHE_PLACE, QUEUE_PLACE, DATABASE_PLACE)]
    return [Line(name, [UNKNOWN if s else c for c, s in zip(cells, silent, strict=True)]) for name, cells in lines]


def _line(name: str, found: RowState) -> Line:
    """Mark what is older than the newest value of the field anywhere."""
    slot, waiting, row = found
    values: list[tuple[int, Any] | None] = [
        (slot.entry.stamp, slot.values[name]) if slot and slot.entry and name in slot.values else None,
        (waiting or {}).get(name),
        (row[0], row[1][name]) if row else None,
    ]
    if values[1] and isinstance(values[1][1], Changes):
        return _line_of_increments(name, values[1][1], values[0], values[2])
    known = [each for each in values if each is not None]
    newest = (values[1] or max(known, key=lambda each: each[0]))[1] if known else None
    return Line(name, [Cell(str(each[1]), each[1] != newest) if each else Cell("–") for each in values])


def _line_of_increments(
    name: str, changes: Changes, cached: tuple[int, Any] | None, row: tuple[int, Any] | None
) -> Line:
    """The queue has what is added, not a value: older is what differs from the row with that added."""

    def cell(found: tuple[int, Any] | None) -> Cell:
        if found is None:
            return Cell("–")
        return Cell(str(found[1]), row is not None and found[1] != changes.over(row[1], row[0]))

    return Line(name, [cell(cached), Cell(_in_words(changes)), cell(row)])


def _in_words(changes: Changes) -> str:
    """Return what waits for a number: values as they are, and what is added with its sign."""
    return ", ".join(f"{each.value:+}" if each.adds else str(each.value) for each in changes)


def _stamps(found: RowState) -> list[str]:
    newest = max((stamps.written(stamp) for stamp, _ in (found.waiting or {}).values()), default=0)
    return [
        _stamp(found.slot.entry.stamp) if found.slot and found.slot.entry and found.slot.values else "–",
        _stamp(newest) if newest else "–",
        _stamp(found.row[0]) if found.row else "–",
    ]


def _stamp(stamp: int) -> str:
    return words.moment(stamp)[11:26] if stamp else "never written"


def _contents(found: RowState, place: str | None) -> list[str]:
    return [_kind(found.slot), _WAITING.get(place, "–"), "the row" if found.row else "no row"]


def _kind(slot: Slot | None) -> str:
    if slot is None:
        return "–"
    if slot.body is None:
        return "nothing"
    return slot.kind.words if slot.kind else "foreign bytes"


def _time_left(slot: Slot | None) -> str:
    return f"{slot.ttl_ms / 1000:.0f} s" if slot and slot.ttl_ms >= 0 else "–"
