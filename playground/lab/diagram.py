"""A run as a sequence diagram: a column for each who acts and each server, a row for each thing that happened.

What is done again and again, one row after another, is drawn once, with how often.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from playground.plain_steps import command_of

WIDTH = 1000
SERVERS = ("cache", "queue", "database")
WORKER = "worker"
BREAKS_HERE = "This is where it breaks."
FOLDED = 3  # times at least
LONGEST_PERIOD = 6  # steps that are repeated together

Event = dict[str, Any]


class Row(NamedTuple):
    """One thing that happened.

    Attributes:
        x, to: where the arrow begins and ends; empty for a note.
        wrong: what to say if it is what broke, or is wrong because of it.
        times: how often it happened, with the rows beside it.
    """

    number: int
    kind: str
    text: str
    actor: str
    server: str
    command: str
    x: str
    to: str
    wrong: str
    times: int = 1


class Diagram(NamedTuple):
    columns: list[str]
    lines: list[str]
    rows: list[Row]


def diagram(events: Sequence[Event], breaks: tuple[str, str] | None) -> Diagram:
    """Draw the steps and notes of one side; the last event that `breaks` names, by actor and word, is marked."""
    steps = [event for event in events if event["kind"] == "step"]
    actors = list(dict.fromkeys(event["actor"] for event in steps))
    asked = [WORKER] if any(event["server"] == WORKER for event in steps) else []
    columns = [*(actors or ["app"]), *SERVERS, *asked]
    places = {name: f"{(n + 0.5) * WIDTH / len(columns):.1f}" for n, name in enumerate(columns)}
    breaking = max((n for n, event in enumerate(events) if breaks and _is(event, *breaks)), default=-1)
    rows = _folded([_row(event, places, n == breaking) for n, event in enumerate(events)])
    return Diagram(columns, list(places.values()), [row._replace(number=n) for n, row in enumerate(rows, start=1)])


def _is(event: Event, who: str, word: str) -> bool:
    if event["kind"] == "note":
        return who == "note" and word in event["text"]
    return event["actor"] == who and event["command"].startswith(word)


def _row(event: Event, places: dict[str, str], is_breaking: bool) -> Row:
    wrong = BREAKS_HERE if is_breaking else "wrong" if event.get("is_wrong") else ""
    if event["kind"] == "note":
        return Row(0, "note", event["text"], "", "", "", "", "", wrong)
    actor, server = event["actor"], event["server"]
    text = event["purpose"] or "part of it"
    return Row(0, "step", text, actor, server, command_of(event), places[actor], places[server], wrong)


def _folded(rows: Sequence[Row]) -> list[Row]:
    """Draw rows once that repeat what stands right before them, alone or several together."""
    keys = [(row.kind, row.text, row.actor, row.server, row.wrong) for row in rows]
    found, at = list[Row](), 0
    while at < len(rows):
        period, times = max(
            ((period, _times(keys, at, period)) for period in range(1, LONGEST_PERIOD + 1)),
            key=lambda each: (each[1] >= FOLDED, each[1] * each[0], -each[0]),
        )
        if times < FOLDED:
            period = times = 1
        found += [row._replace(times=times) for row in rows[at : at + period]]
        at += period * times
    return found


def _times(keys: Sequence[Any], at: int, period: int) -> int:
    """Return how often the next `period` rows come one after the other."""
    times = 1
    while keys[at : at + period] == keys[at + times * period : at + (times + 1) * period]:
        times += 1
    return times
