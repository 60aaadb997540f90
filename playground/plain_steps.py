"""A trace in three to five plain steps: what goes to one server in a row is one step, and has one sentence."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from users.pages import words

Kept = dict[str, Any]  # a step as it is kept

CLAIM = (
    "Claim what waits, until a deadline: if this worker dies, another may claim it after that. It stays in the queue "
    "until the database has it."
)
MARK = (
    "Put a mark in the cache entry: a write is under way. Readers still get the old copy from it, and nobody else may "
    "put another one in."
)

# The most telling of the commands of a step says what it was: the first of these words that one of them has.
_SENTENCES: dict[str, list[tuple[str, str]]] = {
    "cache": [
        ("EVALSHA mark", MARK),
        ("EVAL mark", MARK),
        (" finish ", "{finish}"),
        (" publish ", "Replace the copy in the cache, if it is still the one that was looked at."),
        (" fill ", "Put a copy into the cache, if no writer has taken the lease away meanwhile."),
        (" settle ", "If the copy in the cache is older than what the database has now, drop it."),
        (" unmark ", "Put the old value back: nothing was written."),
        (" NX GET", "Look in the cache: it is empty. Take the lease, so that only this reader loads the row."),
        ("SET ", "Put the value into the cache, whatever is there."),
        ("GET ", "{get}"),
        ("DEL ", "Drop the cache entry."),
    ],
    "queue": [
        (
            " enqueue ",
            "The queue takes the write, gives it a stamp, and has it on disk before it answers: now it is safe.",
        ),
        (" stamp ", "Get a stamp: a number higher than that of every write before it."),
        (" owe ", "Note that the cache entry must be emptied as soon as the cache is back."),
        (" settle_up ", "Tell the queue that the write is done: what it has overtaken there is dropped."),
        (" claim ", CLAIM),
        (" ack", "Drop from the queue what the database has now, and nothing newer."),
        ("}:row:", "{waits}"),
        (" announce ", "Tell the queue which version of the model this process has: once, when it begins."),
        (" bury ", "The database refused it: keep it as a dead letter, for an operator to look at."),
        (" reap ", "Look for what dead workers have left."),
    ],
    "database": [
        ("ROLLBACK", "The database refused it: nothing was written."),
        ("COMMIT", "Write the row to the database and wait for its commit."),
        ("SELECT ", "Read the row from the database."),
    ],
    "worker": [("", "Ask the worker, another process, for a flush, and do not wait for it.")],
}


class Plain(NamedTuple):
    """One plain step.

    Attributes:
        actor: who took it; empty where there is only one.
        start, end: milliseconds since the trace began.
        commands: the steps that it consists of.
    """

    actor: str
    server: str
    sentence: str
    start: float
    end: float
    at: str
    took: str
    commands: list[Kept]
    error: str


def command_of(step: Kept) -> str:
    """Return what was sent; nothing was while the way to the database is only simulated."""
    return "" if step["command"] == "TRIP" else str(step["command"])


def plain(steps: Sequence[Kept], begin: float = 0.0) -> list[Plain]:
    """Return the plain steps of a trace that began `begin` milliseconds after the drawing does."""
    steps = _with_lost_marks(steps)
    groups = groupby(steps, lambda step: (str(step.get("actor", "")), str(step["server"])))
    return [_plain(actor, server, list(group), begin) for (actor, server), group in groups]


def _plain(actor: str, server: str, commands: list[Kept], begin: float) -> Plain:
    start = commands[0]["start"] / 1000
    end = max(step["start"] + step["took"] for step in commands) / 1000
    error = next((step["error"] for step in commands if step["error"] and "script" not in step["error"]), "")
    took = words.duration((end - start) / 1000)
    sentence = f"The {server} does not answer." if _is_silent(error) else _sentence(server, commands)
    return Plain(actor, server, sentence, start, end, words.duration((start - begin) / 1000), took, commands, error)


def _with_lost_marks(steps: Sequence[Kept]) -> list[Kept]:
    """Note on each finish whether another writer's mark had come after its own: then it has emptied the slot."""
    noted, mark = list[Kept](), ""
    for step in steps:
        script, token = (step["command"].split() + [""] * 4)[1:4:2]
        lost = script == "finish" and bool(step.get("actor")) and token != mark
        mark = token if script == "mark" else "" if script == "finish" else mark
        noted.append({**step, "lost": lost})
    return noted


def _is_silent(error: str) -> bool:
    return any(word in error for word in ("connecting", "Connection", "Timeout"))


def _sentence(server: str, commands: list[Kept]) -> str:
    for word, sentence in _SENTENCES.get(server, []):
        for step in commands:
            if word in step["command"]:
                return sentence.format(finish=_finish(step), get=_get(step["purpose"]), waits=_waits(commands))
    return str(commands[0]["purpose"]) or "Another step."


def _finish(step: Kept) -> str:
    """`finish slot token value ttl`: without a value, the slot is emptied."""
    if " '' " in step["command"]:
        return "Drop the cache entry: the next reader asks the database."
    if step["lost"]:
        return "Its mark is gone, so it cannot know what is newer: empty the cache entry."
    return "Put the new value into the cache, in place of the mark."


def _waits(commands: list[Kept]) -> str:
    """Say what the queue has answered, where the trace tells it."""
    answers = {
        step["purpose"].rpartition(": ")[2] for step in commands if "what waits for this row: " in step["purpose"]
    }
    if "a newer write" in answers:
        return "Ask the queue whether a newer write of this row waits: one does, and is laid over the row."
    if answers:
        return "Ask the queue whether a newer write of this row waits: none does."
    return "Ask the queue whether a newer write of this row waits."


def _get(purpose: str) -> str:
    found = purpose.rpartition(": ")[2]
    if found == "a value":
        return "Look in the cache: it is there."
    return "Look in the cache: it is empty." if found == "it is empty" else f"Look in the cache: {found}."
