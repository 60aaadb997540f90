"""Traces as lanes on one linear scale: the app, the cache, the queue and the database, each a row of bars."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from playground.plain_steps import Kept, Plain, plain
from users.pages import words

WIDTH = 1000  # of a lane's drawing, which the page stretches
NARROWEST = 4.0
TICKS = 4
SERVERS = ("cache", "queue", "database")


class Bar(NamedTuple):
    """One command in its lane; `start` and `end` are milliseconds."""

    x: str
    width: str
    tone: str
    start: str
    end: str
    title: str


class Lane(NamedTuple):
    label: str
    tone: str
    bars: list[Bar]


class Command(NamedTuple):
    """One command as it was sent; `start` is milliseconds."""

    server: str
    text: str
    purpose: str
    start: str


class Track(NamedTuple):
    """What one call did, drawn to the scale that it shares with its neighbours.

    Attributes:
        total: milliseconds until it returned.
        plain: its three to five steps in words.
        places: what cache, queue and database had when it returned.
    """

    label: str
    verdict: str
    tone: str
    took: str
    total: str
    lanes: list[Lane]
    plain: list[Plain]
    commands: list[Command]
    places: list[dict[str, Any]]

    @property
    def command_count(self) -> int:
        return len(self.commands)


class Board(NamedTuple):
    """Tracks on one scale; `until` is its end in milliseconds."""

    tracks: list[Track]
    until: str
    ticks: list[str]


def board(tracks: Sequence[dict[str, Any]]) -> Board:
    """Lay out tracks as `acts.track` makes them."""
    longest = max((float(track["took_ms"]) for track in tracks), default=1.0) or 1.0
    drawn = [_track(track, longest) for track in tracks]
    ticks = [words.duration(longest * n / TICKS / 1000) for n in range(TICKS + 1)]
    return Board(drawn, f"{longest:.3f}", ticks)


def _track(track: dict[str, Any], longest: float) -> Track:
    steps, scale = track["steps"], WIDTH / longest
    actors = list(dict.fromkeys(step.get("actor", "app") for step in steps)) or ["app"]
    lanes = [Lane(actor, "app", _waits(actor, track, scale)) for actor in actors]
    lanes += [Lane(server, server, _bars(server, steps, scale)) for server in SERVERS]
    return Track(
        label=track["label"],
        verdict=track.get("verdict", ""),
        tone=track.get("tone", ""),
        took=words.duration(track["took_ms"] / 1000),
        total=f"{track['took_ms']:.3f}",
        lanes=lanes,
        plain=plain(steps),
        commands=[Command(s["server"], s["command"], s["purpose"], f"{s['start'] / 1000:.3f}") for s in steps],
        places=track["places"],
    )


def _waits(actor: str, track: dict[str, Any], scale: float) -> list[Bar]:
    """Return the bar of a caller: it waits from its first step until its last is answered."""
    mine = [step for step in track["steps"] if step.get("actor", "app") == actor]
    start = min((step["start"] / 1000 for step in mine), default=0.0)
    end = max(((step["start"] + step["took"]) / 1000 for step in mine), default=track["took_ms"])
    if actor == "app":
        start, end = 0.0, float(track["took_ms"])
    return [_bar("app", start, end, scale, f"waits for {words.duration((end - start) / 1000)}")]


def _bars(server: str, steps: Sequence[Kept], scale: float) -> list[Bar]:
    bars, seen = [], set()
    for step in steps:
        if step["server"] == server and (key := (step.get("actor"), step["trip"])) not in seen:
            seen.add(key)
            start, took = step["start"] / 1000, step["took"] / 1000
            title = f"{step['command']}: {words.duration(took / 1000)}"
            bars.append(_bar(server, start, start + took, scale, title))
    return bars


def _bar(tone: str, start: float, end: float, scale: float, title: str) -> Bar:
    width = min(WIDTH, max(NARROWEST, (end - start) * scale))
    x = min(start * scale, WIDTH - width)
    return Bar(f"{x:.1f}", f"{width:.1f}", tone, f"{start:.3f}", f"{end:.3f}", title)
