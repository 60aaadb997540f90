"""A run as a sequence diagram: a column for each who acts and each server, a row for each thing that happened."""

from collections.abc import Sequence
from typing import Any, NamedTuple

WIDTH = 1000
SERVERS = ("cache", "queue", "database")

Event = dict[str, Any]


class Row(NamedTuple):
    """One thing that happened.

    Attributes:
        x, to: where the arrow begins and ends; empty for a note.
        is_wrong: whether it is what broke, or what is wrong because of it.
    """

    number: int
    kind: str
    text: str
    actor: str
    server: str
    command: str
    x: str
    to: str
    is_wrong: bool


class Diagram(NamedTuple):
    columns: list[str]
    lines: list[str]
    rows: list[Row]


def diagram(events: Sequence[Event], breaks: tuple[str, str] | None) -> Diagram:
    """Draw the steps and notes of one side; the last event that `breaks` names, by actor and word, is marked."""
    actors = list(dict.fromkeys(event["actor"] for event in events if event["kind"] == "step"))
    columns = [*(actors or ["app"]), *SERVERS]
    places = {name: f"{(n + 0.5) * WIDTH / len(columns):.1f}" for n, name in enumerate(columns)}
    breaking = max((n for n, event in enumerate(events) if breaks and _is(event, *breaks)), default=-1)
    rows = [_row(n, event, places, n == breaking) for n, event in enumerate(events)]
    return Diagram(columns, list(places.values()), rows)


def _is(event: Event, who: str, word: str) -> bool:
    if event["kind"] == "note":
        return who == "note" and word in event["text"]
    return event["actor"] == who and event["command"].startswith(word)


def _row(number: int, event: Event, places: dict[str, str], is_breaking: bool) -> Row:
    wrong = is_breaking or bool(event.get("is_wrong"))
    if event["kind"] == "note":
        return Row(number + 1, "note", event["text"], "", "", "", "", "", wrong)
    actor, server = event["actor"], event["server"]
    text = event["purpose"] or "part of it"
    at, to = places[actor], places.get(server, places["queue"])
    return Row(number + 1, "step", text, actor, server, event["command"], at, to, wrong)
