"""What the worker's flushes did, kept so that the page of a write can show the flush that took it.

Celery's worker calls `watched` around its flushes, under open access only; the pages look for a row in what was kept.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from cachedemo import trace
from playground import keep, scripts_ready
from playground.timeline import Kept, kept_steps

KIND = "flushes"
ACK = " ack"  # as in the scripts ack and ack_and_claim


@contextmanager
def watched() -> Iterator[None]:
    """Keep what is flushed until the block ends, if anything is."""
    if not settings.OPEN_ACCESS:
        yield
        return
    scripts_ready.load()
    began = time.time()
    with trace() as steps:
        yield
    if any(ACK in step.command for step in steps):
        keep.save(KIND, {"at": began, "steps": kept_steps(_of_the_flush(steps))})


def of_row(slot: str, since: float) -> dict[str, Any] | None:
    """Return the first flush after `since` (seconds since the epoch) that wrote the row with this slot, if any."""
    found = None
    with contextlib.suppress(OSError):
        for path in sorted(keep.folder(KIND).glob("*.json"), key=os.path.getmtime, reverse=True):
            if path.stat().st_mtime < since:
                break
            story = keep.load(KIND, path.stem)
            if story and story["at"] >= since - 1 and _has(story["steps"], slot):
                found = story
    return found


def _of_the_flush(steps: Any) -> list[Any]:
    """Leave out the empty turns before and after: from the claim that found something to its ack."""
    acks = [n for n, step in enumerate(steps) if ACK in step.command]
    claims = [n for n, step in enumerate(steps[: acks[0]]) if " claim " in step.command]
    return list(steps[(claims or [0])[-1] : acks[-1] + 1])


def _has(steps: list[Kept], slot: str) -> bool:
    return any(" settle " in step["command"] and slot in step["command"].split() for step in steps)
