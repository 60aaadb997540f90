"""A client under load: a seeded mix of all patterns, each operation written down with what the client was told."""

import random
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, IntegrityError, close_old_connections, transaction

from cachedemo import cache_for
from cachedemo.exceptions import Contended, SourceUnavailable, StaleInstance, UnknownFieldWaiting
from tests.faults.history import Kind, Outcome, Recorder
from tests.faults.owners import Owners
from tests.notes.models import Note
from users.models import User

ROWS = 30  # there from the start; others come and go
HOT = 8  # of these, and never deleted
AFTER_AN_ERROR = 0.02  # seconds, as nobody asks a server again at once that has just failed
PATTERNS = ("cache-aside", "write-through", "write-behind")
FIELDS = ("title", "body")
COUNTER = "size"  # of the hot rows; nobody sets it

# A write that raises one of these has written nothing; after any other error, nobody knows.
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
            (12, self.increment),
            (8, self.save),
            (5, self.update_many),
            (4, self.create),
            (3, self.delete),
        ]
        owners = Owners(self.random, self.recorder, self._do, self._do_all, self.patterns)
        self.mix += [(8, owners.look), (2, owners.look_at_many), (4, owners.swap), (3, owners.take)]

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

    def increment(self) -> None:
        """Add to a counter; in the database where it must stay below a limit, which it does."""
        row, pattern, delta = self.random.randint(1, HOT), self.random.choice(self.patterns), self.random.randint(1, 3)
        number = self.recorder.begin(Kind.ADD, row, {COUNTER: delta})
        limit = self.random.choice((None, None, 10**9))
        self._do(number, lambda: self.notes.via(pattern).increment(row, {COUNTER: delta}, max=limit) and None)

    def count(self) -> None:
        """Add to one counter again and again, so that every flush of it is raced."""
        number = self.recorder.begin(Kind.ADD, 1, {COUNTER: 1})
        self._do(number, lambda: self.notes.via("write-behind").increment(1, {COUNTER: 1}) and None)

    def queue_something(self) -> None:
        """Do one of the writes that wait in the queue."""
        self.random.choice((self.update, self.increment))()

    def save(self) -> None:
        """Load through the cache or past it, change one field, save it whole or by name, merged or refused."""
        row, name = self._row(), self.random.choice(FIELDS)
        number, fields = self._begin(Kind.WRITE, row, [name])
        self.notes.stale_saves = self.random.choice(("merge", "merge", "refuse"))
        load = self.random.choice((self.notes.get, lambda pk: Note.objects.get(pk=pk)))
        named = self.random.choice(({}, {"update_fields": [name]}))
        way = self.random.choice((self._save, self._save_after_a_rollback))
        self._do(number, lambda: way(load(row), fields, named))

    def _save(self, note: Note, fields: dict[str, str], named: dict[str, Any]) -> None:
        vars(note).update(fields)
        note.save(**named)

    def _save_after_a_rollback(self, note: Note, fields: dict[str, str], named: dict[str, Any]) -> None:
        """Save in a transaction that rolls back, and again in one that commits, as after a serialization failure."""
        vars(note).update(fields)
        with transaction.atomic():
            note.save(**named)
            transaction.set_rollback(True)
        with transaction.atomic():
            note.save(**named)

    def update_many(self) -> None:
        """Change a field of one row that a filter finds, or of a few rows, each to a value of its own."""
        name = self.random.choice(FIELDS)
        rows = set(self.random.sample(range(1, HOT + 1), self.random.choice((2, 3))))
        if self.random.random() < 0.5:
            rows = {self._row()}
        begun = {row: self._begin(Kind.WRITE, row, [name]) for row in rows}
        numbers = [number for number, _ in begun.values()]
        if len(rows) == 1:
            [(row, (_, fields))] = begun.items()
            return self._do_all(numbers, lambda: Note.objects.filter(pk__lte=row, pk__gte=row).update(**fields))
        notes = [Note(pk=row, **fields) for row, (_, fields) in begun.items()]
        return self._do_all(numbers, lambda: Note.objects.bulk_update(notes, [name]))

    def create(self) -> None:
        number, fields = self._begin(Kind.CREATE, None, list(FIELDS))
        ways = [self.notes.via(pattern).create for pattern in self.patterns] + [self._create_in_bulk]
        way = self.random.choice(ways)
        self._do(number, lambda: self._created(way(**fields)))

    def _create_in_bulk(self, **fields: str) -> Note:
        [note] = Note.objects.bulk_create([Note(**fields)])
        return note

    def _created(self, note: Note) -> dict[int, Any]:
        self.newest = max(self.newest, note.pk)
        return {note.pk: seen(note)}

    def delete(self) -> None:
        row = self.random.randint(HOT + 1, max(self.newest, ROWS))
        way = self.random.choice((self.notes.delete, self._delete_by_cascade))
        self._do(self.recorder.begin(Kind.DELETE, row), lambda: way(row))

    def _delete_by_cascade(self, row: int) -> None:
        owner = User.objects.create(name="owner", email=f"{uuid.uuid4()}@example.com")
        found = Note.objects.filter(pk=row).update(owner=owner)
        owner.delete()
        if not found:
            raise Note.DoesNotExist

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
            if is_gone(error):
                return self.recorder.end(number, Outcome.FAILED, error=name_of(error))
            self.recorder.end(number, Outcome.UNKNOWN, error=name_of(error))
            return time.sleep(AFTER_AN_ERROR)
        return self.recorder.end(number, Outcome.OK, found)

    def _do_all(self, numbers: list[int], action: Callable[[], int]) -> None:
        """Do one write of as many rows as there are numbers; where it found fewer, nobody knows which."""
        outcome, name = Outcome.UNKNOWN, ""
        try:
            changed = action()
            outcome = Outcome.OK if changed == len(numbers) else Outcome.UNKNOWN if changed else Outcome.FAILED
        except NOT_DONE as error:
            outcome, name = Outcome.FAILED, name_of(error)
        except Exception as error:
            name = name_of(error)
            time.sleep(AFTER_AN_ERROR)
        for number in numbers:
            self.recorder.end(number, outcome, error=name)


def is_gone(error: Exception) -> bool:
    """Whether a save found no row: Django's `NotUpdated`, and before Django 6.0 a plain `DatabaseError`."""
    return type(error) is DatabaseError or isinstance(error, getattr(Note, "NotUpdated", ()))


def name_of(error: Exception) -> str:
    return type(error).__name__


def seen(note: Note) -> dict[str, Any]:
    return {name: getattr(note, name) for name in (*FIELDS, COUNTER)}
