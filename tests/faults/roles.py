"""What each role does once, as jobs of the nursery that die or pause before a given step."""

import signal
import time
from collections.abc import Callable
from typing import Any

from django.core.management.color import no_style
from django.db import connection

from cachedemo import cache_for
from cachedemo.model_cache import ModelCache
from cachedemo.operations import shard_change
from tests.faults.stops import packets, steps
from tests.notes.models import Note
from users.models import User

LOOKED_UP = "bob@example.com"
PATIENCE = 20.0  # seconds until everything is at rest


def _save(notes: ModelCache) -> None:
    note = notes.get(1)
    note.title = "a1"
    note.save()


ROLES: dict[str, Callable[[ModelCache], Any]] = {
    "cache-aside update": lambda notes: notes.via("cache-aside").update(1, title="a1"),
    "write-through update": lambda notes: notes.via("write-through").update(1, title="a1"),
    "write-behind update": lambda notes: notes.via("write-behind").update(1, title="a1"),
    "cache-aside increment": lambda notes: notes.via("cache-aside").increment(1, size=10),
    "write-through increment": lambda notes: notes.via("write-through").increment(1, size=10),
    "write-behind increment": lambda notes: notes.via("write-behind").increment(1, size=10),
    "cache-aside create": lambda notes: notes.via("cache-aside").create(title="new"),
    "write-through create": lambda notes: notes.via("write-through").create(title="new"),
    "delete": lambda notes: notes.delete(1),
    "save": _save,
    "save of a new row": lambda notes: Note(title="new").save(),
    "reader": lambda notes: notes.get(1),
    "reader of many": lambda notes: notes.get_many([1, 2, 3]),
    "flusher": lambda notes: notes.flush(),
    "reader by lookup": lambda notes: cache_for(User).get_by(email=LOOKED_UP),
    "reader of many by lookup": lambda notes: cache_for(User).get_many_by("email", [LOOKED_UP]),
    "taker of a looked-up value": lambda notes: cache_for(User).update(1, email=LOOKED_UP),
    "resharder": lambda notes: shard_change.change(notes, 2),
}


def act(role: str, step: int, deadline: float, number: int = signal.SIGKILL, kill_before: int = 0) -> list[str]:
    """Do what the role does, stopped before `step`; return the steps that it took."""
    notes = cache_for(Note)
    shorten(notes, deadline)
    shorten_lookups(deadline)
    notes.announce()
    with steps(step, number, kill_before) as taken:
        ROLES[role](notes)
    return taken


def beat(step: int) -> list[str]:
    """One tick of Celery beat's scheduler, with every entry due; killed before a packet to the broker."""
    from celery.beat import Scheduler

    from config.celery import app

    with packets(step) as taken:
        Scheduler(app).apply_async(next(iter(Scheduler(app).schedule.values())))
    return taken


def shorten(notes: ModelCache, deadline: float) -> None:
    """Let leases, marks, claims and what is owed run out after `deadline` seconds."""
    notes.table.options.lease_timeout = notes.table.options.claim_deadline = deadline
    notes.table.slots.lease_ms = int(deadline * 1000)


def shorten_lookups(deadline: float) -> None:
    """Do the same for the users, and for their hints."""
    users = cache_for(User)
    shorten(users, deadline)
    for hints in users.table.hints.values():
        hints.lease_ms = int(deadline * 1000)


def hand_out_new_ids() -> None:
    """Have the database continue after rows that came with their ids."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Note]):
            cursor.execute(statement)


def attempt(role: str, deadline: float) -> str:
    """Do what the role does; return the name of what it raised, or "" if it was acknowledged."""
    notes = cache_for(Note)
    shorten(notes, deadline)
    try:
        ROLES[role](notes)
    except Exception as error:
        return type(error).__name__
    return ""


def one_row(deadline: float) -> None:
    """Begin with one row, in the cache."""
    notes = cache_for(Note)
    shorten(notes, deadline)
    notes.create(pk=1, title="a0", body="b0")
    notes.get(1)


def state_at_rest(deadline: float) -> list[str | None]:
    """Return what a reader and the table say of row 1, once nothing is owed any more."""
    notes = cache_for(Note)
    shorten(notes, deadline)
    end = time.monotonic() + PATIENCE
    while notes.flush() or notes.table.queue.owed()[0]:
        assert time.monotonic() < end
        time.sleep(0.02)
    read, row = notes.get_many([1]).get(1), Note.objects.filter(pk=1).first()
    return [note and note.title for note in (read, row)]
