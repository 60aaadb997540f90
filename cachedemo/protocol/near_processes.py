"""What each process that keeps copies says of them, once a second, on the queue server: for pages and metrics.

`{cachedemo}:near` is a sorted set: process, and as JSON what it says of itself -> when it said so.
"""

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from cachedemo.protocol.batch_owner import host_name
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers.key_prefix import ours

KEY = "near"
GONE_AFTER = 4.5  # seconds without a word

_said = ""  # by this process, the last time


class Process(NamedTuple):
    """One process that keeps copies, or would.

    Attributes:
        name: host and process id.
        rows, bytes: of its copies; the bytes are about right.
        problem: why it hears of no changes, and so reads no copies; empty while it does.
        since: when that began, or when it began to listen; in seconds since the epoch.
    """

    name: str
    rows: int
    bytes: int
    problem: str
    since: float


def this() -> Process | None:
    """Return what is to be said of this process; None if it has read no row that it would copy."""
    listeners = COPIES.listeners()
    if not listeners:
        return None
    silent = [each for each in listeners if each.feed is None]
    problem = next((each.problem for each in silent if each.problem), "It has just begun to listen." if silent else "")
    since = min((each.since for each in silent), default=max(each.since for each in listeners))
    return Process(f"{host_name()}:{os.getpid()}", len(COPIES.by_key), COPIES.bytes, problem, since)


def to_say() -> list[tuple[Any, ...]]:
    """Return the commands that say it, in the place of what was said before; nothing where nothing is to be said."""
    global _said
    key, now, before, own = ours(KEY), time.time(), _said, this()
    _said = json.dumps(own) if own else ""
    if not _said:
        return [("ZREM", key, before)] if before else []
    forget = [("ZREM", key, before)] if before not in ("", _said) else []
    return [*forget, ("ZADD", key, now, _said), ("ZREMRANGEBYSCORE", key, "-inf", now - GONE_AFTER)]


def query(now: float) -> tuple[Any, ...]:
    """Return the command that asks for what was said of late, for somebody's pipeline."""
    return ("ZRANGEBYSCORE", ours(KEY), now - GONE_AFTER, "+inf")


def of_answer(answer: Iterable[bytes] | None) -> list[Process]:
    """Return what each process has said last, from the answer to `query`."""
    found: dict[str, Process] = {}
    for member in answer or []:
        with suppress(ValueError, TypeError):  # not ours
            process = Process(*json.loads(member))
            found[process.name] = process
    return [found[name] for name in sorted(found)]


def _forget() -> None:
    """A forked child has said nothing yet."""
    global _said
    _said = ""


os.register_at_fork(after_in_child=_forget)
