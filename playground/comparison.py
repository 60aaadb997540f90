"""One script through the three patterns: what each step sends, how long it takes, how long the places disagree."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from cachedemo import ModelCache, Pattern, cache_for, conf, trace
from cachedemo.servers.roles import CACHE
from cachedemo.tracing.trace import Step
from playground import throwaway
from users.models import User

STEPS = ("cold read", "warm read", "update", "read", "read after the TTL")
PATIENCE = 5.0  # seconds to wait for the worker
LOOK = 0.01  # seconds between two looks at the database

Result = dict[str, Any]


def compare() -> Result:
    """Run the script once in each pattern on a throwaway row, one after another."""
    _warm_up()
    columns = [_column(pattern) for pattern in Pattern]
    return {"latency_ms": conf.get("SOURCE_LATENCY_MS"), "columns": columns}


def _warm_up() -> None:
    """Take every step once, so that the first column does not pay for connections and for scripts sent anew."""
    with throwaway.registered_row("before") as pk, trace():
        users = cache_for(User)
        users.read(pk)
        users.via(Pattern.WRITE_BEHIND).update(pk, name="warm")
        users.via(Pattern.WRITE_THROUGH).update(pk, name="warm")


def _column(pattern: Pattern) -> Result:
    with throwaway.registered_row("before") as pk:
        return _play(cache_for(User), pk, pattern)


def _play(users: ModelCache, pk: int, pattern: Pattern) -> Result:
    cells = [_cell(lambda: users.read(pk)), _cell(lambda: users.read(pk))]
    written = _cell(lambda: users.via(pattern).update(pk, name="after"))
    acknowledged = time.perf_counter()
    cells += [written, _cell(lambda: users.read(pk))]
    differed = _until_written(pk, acknowledged) if pattern is Pattern.WRITE_BEHIND else _between(written["steps"])
    CACHE.command("PEXPIRE", users.table.slots.key(pk), 1)
    time.sleep(0.01)
    cells.append(_cell(lambda: users.read(pk)))
    for cell in cells:
        del cell["steps"]
    return {"pattern": str(pattern), "cells": cells, "differed": differed}


def _cell(work: Callable[[], Any]) -> Result:
    """Do one step of the script and count what it sent."""
    started = time.perf_counter()
    with trace() as steps:
        answer = work()
    seconds = time.perf_counter() - started
    sql = [step for step in steps if step.server == "database" and step.command != "TRIP"]
    commands = [step for step in steps if step.server in ("cache", "queue")]
    origin = str(getattr(answer, "origin", ""))
    return {"commands": len(commands), "sql": len(sql), "seconds": seconds, "origin": origin, "steps": steps}


def _between(steps: Sequence[Step]) -> float | None:
    """Return the seconds from the commit until the slot was replaced or emptied."""
    commit = next((step.start + step.took for step in steps if step.command == "COMMIT"), None)
    finish = next((step.start + step.took for step in steps if " finish " in step.command), None)
    return None if commit is None or finish is None else (finish - commit) / 1_000_000


def _until_written(pk: int, since: float) -> float | None:
    """Return the seconds from the acknowledgement until the database had the write; None if it took too long."""
    while time.perf_counter() - since < PATIENCE:
        if User.objects.filter(pk=pk, name="after").exists():
            return time.perf_counter() - since
        time.sleep(LOOK)
    return None
