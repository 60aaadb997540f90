"""One row in the cache, in the queue and in the database, side by side, found out without changing anything."""

from typing import Any, NamedTuple

from django.db import DatabaseError

from cachedemo import ModelCache
from cachedemo.exceptions import CachedemoError
from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.slots import held
from cachedemo.protocol.waiting import Fields
from cachedemo.servers.roles import QUEUE
from users.pages import words

_KINDS = {
    b"V": "a value",
    b"N": "“there is no such row”",
    b"L": "a lease: somebody is loading the row",
    b"T": "a mark: somebody is writing the row",
}
_PLACES = {"": "nothing", "list": "a waiting write", "claimed": "a claimed write", "dead": "a dead letter"}


class Cell(NamedTuple):
    """What one place has of one field."""

    text: str
    older: bool = False  # somewhere else there is a newer value


class Line(NamedTuple):
    """One field in all three places."""

    name: str
    cells: list[Cell]


class Stage(NamedTuple):
    """A station on the way of a pending write."""

    label: str
    state: str  # "done", "now" or "next"


class State(NamedTuple):
    lines: list[Line]
    stages: list[Stage]
    sentence: str
    down: list[str]


class _Cached(NamedTuple):
    values: dict[str, Any]
    stamp: int
    kind: str
    ttl: str


class _Waiting(NamedTuple):
    fields: Fields
    place: str  # "", "list", "claimed" or "dead"


def state(cache: ModelCache, pk: Any) -> State:
    """Look at all three places; one that does not answer is named in `down`."""
    down: list[str] = []
    cached = _asked(down, "cache", lambda: _cached(cache, pk))
    waiting = _asked(down, "queue", lambda: _waiting(cache, pk))
    row = _asked(
        down, "database", lambda: cache.table.rows.filter(pk=pk).values(STAMP, *cache.table.codec.fields).first()
    )
    return State(_lines(cache, cached, waiting, row), _stages(waiting), _sentence(waiting, row, down), down)


def _asked(down: list[str], place: str, ask: Any) -> Any:
    try:
        return ask()
    except (CachedemoError, DatabaseError):
        down.append(place)
        return None


def _cached(cache: ModelCache, pk: Any) -> _Cached:
    slot, ttl = cache.table.slots.get_with_ttl(pk)
    if slot is None:
        return _Cached({}, 0, "nothing", "")
    entry = held(slot)
    left = f"{max(0, ttl) / 1000:.0f} s" if ttl >= 0 else ""
    try:
        values = cache.table.codec.decode(entry.body) if entry and entry.body else {}
    except ValueError:
        values = {}
    return _Cached(values, entry.stamp if entry else 0, _KINDS.get(slot[:1], "foreign bytes"), left)


def _waiting(cache: ModelCache, pk: Any) -> _Waiting:
    queue = cache.table.queue
    [fields], _ = queue.pending([pk], cache.table.slots.version)
    if not fields:
        return _Waiting({}, "")
    claimed, dead = QUEUE.pipeline([("ZSCORE", queue.key("claimed"), str(pk)), ("HEXISTS", queue.key("dead"), str(pk))])
    return _Waiting(fields, "dead" if dead == 1 else "claimed" if claimed is not None else "list")


def _lines(cache: ModelCache, cached: _Cached | None, waiting: _Waiting | None, row: Any) -> list[Line]:
    lines = [_line(name, cached, waiting, row) for name in cache.table.codec.fields]
    newest = max((stamp for stamp, _ in (waiting.fields if waiting else {}).values()), default=0)
    lines.append(
        Line(
            "stamp",
            [
                Cell(_stamp(cached.stamp) if cached and cached.values else "–"),
                Cell(_stamp(newest) if newest else "–"),
                Cell(_stamp(row[STAMP]) if row else "–"),
            ],
        )
    )
    holds = Cell(cached.kind if cached else "–")
    lines.append(Line("holds", [holds, Cell(_place(waiting)), Cell("the row" if row else "no row")]))
    lines.append(Line("expires in", [Cell(cached.ttl if cached and cached.ttl else "–"), Cell("never"), Cell("never")]))
    return lines


def _line(name: str, cached: _Cached | None, waiting: _Waiting | None, row: Any) -> Line:
    """Mark what is older than the newest value of the field anywhere."""
    found: list[tuple[int, Any] | None] = [
        (cached.stamp, cached.values[name]) if cached and name in cached.values else None,
        waiting.fields.get(name) if waiting else None,
        (row[STAMP], row[name]) if row else None,
    ]
    known = [each for each in found if each is not None]
    newest = (found[1] or max(known, key=lambda each: each[0]))[1] if known else None
    return Line(name, [Cell(str(each[1]), each[1] != newest) if each else Cell("–") for each in found])


def _stamp(stamp: int) -> str:
    return words.moment(stamp)[11:26] if stamp else "never written"


def _place(waiting: _Waiting | None) -> str:
    if waiting is None:
        return "–"
    return _PLACES[waiting.place]


def _stages(waiting: _Waiting | None) -> list[Stage]:
    place = waiting.place if waiting else ""
    at = {"list": 1, "dead": 1, "claimed": 2, "": 3}[place]
    labels = ["acknowledged", "in the queue", "claimed by a flush", "in the database"]
    return [
        Stage(label, "done" if n < at or at == 3 else "now" if n == at else "next") for n, label in enumerate(labels)
    ]


def _sentence(waiting: _Waiting | None, row: Any, down: list[str]) -> str:
    if waiting is None:
        return "The queue server does not answer: nobody can tell what waits."
    names = ", ".join(sorted(waiting.fields))
    return {
        "": "Nothing waits: the database has every acknowledged write of this row.",
        "list": f"A write of {names} is acknowledged and waits for the worker.",
        "claimed": f"A flush holds the write of {names} and is taking it to the database.",
        "dead": f"The database refused the write of {names}: it is a dead letter, and the admin can retry it.",
    }[waiting.place]
