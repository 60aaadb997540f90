"""Traces as lanes on one linear scale: the app, the cache, the queue and the database, each a row of bars."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from playground.plain_steps import Kept, Plain, command_of, plain
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
    """One command as it was sent, empty where there was none; `start` is milliseconds."""

    server: str
    text: str
    purpose: str
    start: str


class Track(NamedTuple):
    """What one call did, drawn to the scale that it shares with its neighbours.

    Attributes:
        total: milliseconds on the board until it was over.
        rest: how long none of the servers was asked; empty where that is next to nothing.
        plain: its three to five steps in words.
        places: what cache, queue and database had when it returned.
        answer: what came of it, in a sentence.
        ends: what to say once it is over.
        has_actors: whether it is drawn with a lane for each of several actors.
    """

    label: str
    verdict: str
    tone: str
    took: str
    total: str
    rest: str
    lanes: list[Lane]
    plain: list[Plain]
    commands: list[Command]
    places: list[dict[str, Any]]
    answer: str
    ends: str
    has_actors: bool

    @property
    def command_count(self) -> int:
        return len(self.commands)


class Board(NamedTuple):
    """Tracks on one scale; `until` is its end in milliseconds. `in_turn` says that each begins where the last ends."""

    tracks: list[Track]
    until: str
    ticks: list[str]
    in_turn: bool


def board(tracks: Sequence[dict[str, Any]], in_turn: bool = False) -> Board:
    """Lay out tracks as `acts.track` makes them, side by side or one after the other."""
    took = [float(track["took_ms"]) for track in tracks]
    begins = [sum(took[:n]) if in_turn else 0.0 for n in range(len(took))]
    until = max((begin + each for begin, each in zip(begins, took, strict=True)), default=0.0) or 1.0
    drawn = [_track(_later(track, begin), begin, WIDTH / until) for track, begin in zip(tracks, begins, strict=True)]
    ticks = [words.duration(until * n / TICKS / 1000) for n in range(TICKS + 1)]
    return Board(drawn, f"{until:.3f}", ticks, in_turn)


def _later(track: dict[str, Any], begin: float) -> dict[str, Any]:
    """Return the track with its steps `begin` milliseconds later."""
    return track | {"steps": [step | {"start": step["start"] + begin * 1000} for step in track["steps"]]}


def _track(track: dict[str, Any], begin: float, scale: float) -> Track:
    steps, took = track["steps"], float(track["took_ms"])
    actors = dict.fromkeys(step["actor"] for step in steps if "actor" in step)
    if actors:
        lanes = [Lane(actor, "app", _of_actor(actor, steps, took, scale)) for actor in actors]
    else:
        waits = _bar("app", begin, begin + took, scale, f"takes {words.duration(took / 1000)}")
        lanes = [Lane(track.get("actor", "app"), "app", [waits])]
        lanes += [Lane(server, server, _bars(server, steps, scale)) for server in SERVERS]
    return Track(
        label=track["label"],
        verdict=track.get("verdict", ""),
        tone=track.get("tone", ""),
        took=words.duration(took / 1000),
        total=f"{begin + took:.3f}",
        rest=_rest(steps, took),
        lanes=lanes,
        plain=plain(steps, begin),
        commands=[Command(s["server"], command_of(s), s["purpose"], f"{s['start'] / 1000:.3f}") for s in steps],
        places=track["places"],
        answer=track.get("answer", ""),
        ends=track.get("ends", "The caller has its answer."),
        has_actors=bool(actors),
    )


def _rest(steps: Sequence[Kept], took: float) -> str:
    """Return how long no server was asked, in words; empty where that is less than a tenth."""
    asked = {(step.get("actor"), step["trip"]): step["took"] / 1000 for step in steps}
    rest = took - sum(asked.values())
    return words.duration(rest / 1000) if rest > took / 10 else ""


def _of_actor(actor: str, steps: Sequence[Kept], took: float, scale: float) -> list[Bar]:
    """Return the bars of one of several actors: what it asks, in its server's colour, and where it is held up."""
    mine = [step for step in steps if step["actor"] == actor]
    asked = [_of_step(step, scale) for step in mine]
    ends = [(step["start"] + step["took"]) / 1000 for step in mine]
    starts = [step["start"] / 1000 for step in mine]
    held = [
        _bar("held", end, start, scale, f"held up for {words.duration((start - end) / 1000)}")
        for end, start in zip(ends, starts[1:], strict=False)
        if start - end > took / 10
    ]
    return [*held, *asked]


def _of_step(step: Kept, scale: float) -> Bar:
    start, took = step["start"] / 1000, step["took"] / 1000
    title = f"{command_of(step) or step['purpose']}: {words.duration(took / 1000)}"
    return _bar(step["server"], start, start + took, scale, title)


def _bars(server: str, steps: Sequence[Kept], scale: float) -> list[Bar]:
    """Return a bar for each round trip to a server."""
    trips = {step["trip"]: step for step in reversed(steps) if step["server"] == server}
    return [_of_step(step, scale) for step in reversed(trips.values())]


def _bar(tone: str, start: float, end: float, scale: float, title: str) -> Bar:
    width = min(WIDTH, max(NARROWEST, (end - start) * scale))
    x = min(start * scale, WIDTH - width)
    return Bar(f"{x:.1f}", f"{width:.1f}", tone, f"{start:.3f}", f"{end:.3f}", title)
