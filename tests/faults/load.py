"""Clients under load: a seeded mix of all patterns, each operation written down with what the client was told.

These functions are jobs of the nursery. A client goes on until the file `stop` exists, and for 15 minutes at most.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, close_old_connections, connection

from cachedemo import cache_for
from cachedemo.exceptions import Contended, SourceUnavailable, StaleInstance, Unavailable, UnknownFieldWaiting
from tests.faults.history import Kind, Outcome, Recorder
from tests.faults.roles import hand_out_new_ids, shorten
from tests.notes.models import Note

ROWS = 30  # there from the start; others come and go
HOT = 8  # of these, and never deleted
LONGEST = 900.0  # seconds
AFTER_AN_ERROR = 0.02  # seconds, as nobody asks a server again at once that has just failed
PATTERNS = ("cache-aside", "write-through", "write-behind")
FIELDS = ("title", "body")

# Whoever raises one of these has not written anything; after whatever else, nobody knows.
NOT_DONE = (ObjectDoesNotExist, StaleInstance, Contended, UnknownFieldWaiting, SourceUnavailable, IntegrityError)


class Client:
    """One client: what it does next is decided by its seed, what comes of it by the faults."""

    def __init__(self, name: str, folder: str, seed: int, writes: tuple[str, ...] = PATTERNS) -> None:
        self.notes = cache_for(Note)
        self.random = random.Random(seed)
        self.recorder = Recorder(name, Path(folder) / f"{name}.jsonl")
        self.patterns = writes
        self.newest = ROWS
        self.mix: list[tuple[int, Callable[[], None]]] = [
            (45, self.get),
            (10, self.get_many),
            (32, self.update),
            (6, self.save),
            (4, self.create),
            (3, self.delete),
        ]

    def act(self) -> None:
        """Do one operation of the mix."""
        weights, actions = zip(*self.mix, strict=True)
        close_old_connections()  # as between two requests: a connection that broke is opened again
        self.random.choices(actions, weights)[0]()

    # reading

    def get(self) -> None:
        row = self._row()
        self._do(self.recorder.begin(Kind.READ, row), lambda: {row: seen(self.notes.get(row))}, missing={row: None})

    def get_many(self) -> None:
        rows = [self._row() for _ in range(5)]
        self._do(self.recorder.begin(Kind.READ), lambda: self._many(rows))

    def _many(self, rows: list[int]) -> dict[int, Any]:
        found = self.notes.get_many(rows)
        return {row: seen(found[row]) if row in found else None for row in rows}

    # writing

    def update(self) -> None:
        row, pattern = self._row(), self.random.choice(self.patterns)
        names = self.random.sample(FIELDS, self.random.choice((1, 1, 2)))
        number, fields = self._begin(Kind.WRITE, row, names)
        self._do(number, lambda: self.notes.via(pattern).update(row, **fields) and None)

    def save(self) -> None:
        """Load, change one field, save: refused if the row has changed meanwhile."""
        row, name = self._row(), self.random.choice(FIELDS)
        number, fields = self._begin(Kind.WRITE, row, [name])
        self._do(number, lambda: self._save(row, fields))

    def _save(self, row: int, fields: dict[str, str]) -> None:
        note = self.notes.get(row)
        vars(note).update(fields)
        note.save()

    def create(self) -> None:
        pattern = self.random.choice(self.patterns)
        number, fields = self._begin(Kind.CREATE, None, list(FIELDS))
        self._do(number, lambda: self._created(self.notes.via(pattern).create(**fields)))

    def _created(self, note: Note) -> dict[int, Any]:
        self.newest = max(self.newest, note.pk)
        return {note.pk: seen(note)}

    def delete(self) -> None:
        row = self.random.randint(HOT + 1, max(self.newest, ROWS))
        self._do(self.recorder.begin(Kind.DELETE, row), lambda: self.notes.delete(row))

    # what they share

    def _row(self) -> int:
        """Half of all operations are about few rows; some are about rows that are not there yet."""
        top = self.random.choice((HOT, HOT, ROWS, self.newest + 3))
        return self.random.randint(1, top)

    def _begin(self, kind: Kind, row: int | None, names: list[str]) -> tuple[int, dict[str, str]]:
        number = self.recorder.next_number()
        fields = dict.fromkeys(names, self.recorder.value(number))
        self.recorder.begin_as(number, kind, row, fields)
        return number, fields

    def _do(self, number: int, action: Callable[[], Any], missing: dict[int, None] | None = None) -> None:
        try:
            found = action()
        except NOT_DONE as error:
            if missing and isinstance(error, ObjectDoesNotExist):
                return self.recorder.end(number, Outcome.OK, missing)
            return self.recorder.end(number, Outcome.FAILED, error=name_of(error))
        except Exception as error:
            self.recorder.end(number, Outcome.UNKNOWN, error=name_of(error))
            return time.sleep(AFTER_AN_ERROR)
        return self.recorder.end(number, Outcome.OK, found)


def name_of(error: Exception) -> str:
    return type(error).__name__


def seen(note: Note) -> dict[str, str]:
    return {name: getattr(note, name) for name in FIELDS}


# jobs


def client(
    name: str, folder: str, seed: int, pause: float, deadline: float, writes: tuple[str, ...] = PATTERNS
) -> None:
    """Run a client until it is told to stop."""
    shorten(cache_for(Note), deadline)
    one = Client(name, folder, seed, writes)
    _until_stopped(folder, one.act, pause)


def writer(name: str, folder: str, seed: int, pause: float, deadline: float) -> None:
    """Run a client that only queues writes."""
    shorten(cache_for(Note), deadline)
    one = Client(name, folder, seed, ("write-behind",))
    _until_stopped(folder, one.update, pause)


def flusher(folder: str, deadline: float) -> None:
    """Do what a worker does, without Celery."""
    notes = cache_for(Note)
    shorten(notes, deadline)

    def flush() -> None:
        close_old_connections()
        try:
            notes.flush()
        except Unavailable:
            time.sleep(0.05)

    _until_stopped(folder, flush, 0.01)


def _until_stopped(folder: str, act: Callable[[], None], pause: float) -> None:
    stop, end = Path(folder) / "stop", time.monotonic() + LONGEST
    while not stop.exists() and time.monotonic() < end:
        act()
        time.sleep(pause)


def begin(folder: str, deadline: float) -> None:
    """Make the rows that are there from the start, and write down that they are."""
    shorten(cache_for(Note), deadline)
    notes, recorder = cache_for(Note), Recorder("begin", Path(folder) / "begin.jsonl")
    for row in range(1, ROWS + 1):
        number = recorder.next_number()
        fields = dict.fromkeys(FIELDS, recorder.value(number))
        recorder.begin_as(number, Kind.CREATE, row, fields)
        notes.create(pk=row, **fields)
        recorder.end(number, Outcome.OK)
    hand_out_new_ids()


def tables() -> None:
    """Make the tables in the database of this nursery."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # the notes refer to users


def empty_table() -> None:
    """Begin without rows, and with the ids from 1; PostgreSQL only."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notes_note RESTART IDENTITY CASCADE")


def empty_everything() -> None:
    """Begin without rows, slots or waiting writes."""
    from cachedemo.servers import CACHE, QUEUE

    Note.objects.all()._raw_delete("default")
    CACHE.command("FLUSHDB")
    QUEUE.command("FLUSHDB")


def overdue(folder: str, deadline: float) -> bool:
    """Whether something is owed that should be paid by now."""
    return cache_for(Note).queue_of_writes.owed()[1] > 0


def rest(folder: str, rows: int, deadline: float, timeout: float) -> int:
    """Drain, work off what is owed, and write down what cache and source say at rest; return the dead letters."""
    notes = cache_for(Note)
    shorten(notes, deadline)
    _come_to_rest(notes, time.monotonic() + timeout)
    wanted = range(1, rows + 1)
    cached = notes.get_many(wanted)
    stored = {note.pk: note for note in Note.objects.filter(pk__in=wanted)}
    for name, found in (("rest-cache", cached), ("rest-source", stored)):
        recorder = Recorder(name, Path(folder) / f"{name}.jsonl")
        number = recorder.begin(Kind.READ)
        recorder.end(number, Outcome.OK, {row: seen(found[row]) if row in found else None for row in wanted})
    return len(notes.queue_of_writes.dead())


def _come_to_rest(notes: Any, patience: float) -> None:
    queue = notes.queue_of_writes
    while True:
        try:
            notes.drain(timeout=max(0.1, patience - time.monotonic()))
            if not queue.owed()[0]:
                return
            error: Exception | None = None
        except Unavailable as unavailable:
            error = unavailable
        if time.monotonic() > patience:
            raise TimeoutError(f"Not at rest: {queue.owed()} owed") from error
        time.sleep(0.02)
