"""The jobs of a load: clients, flushers, and what must be done before and after them.

A client or flusher goes on until the file `stop` is in its folder, and for 15 minutes at most.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import close_old_connections, connection

from cachedemo import cache_for, registry
from cachedemo.exceptions import Unavailable
from cachedemo.operations import shard_change, switch
from cachedemo.protocol import near_copies
from cachedemo.protocol.near_copies import COPIES
from tests import near_notes
from tests.faults import owners
from tests.faults.history import Kind, Outcome, Recorder
from tests.faults.load import FIELDS, PATTERNS, ROWS, Client, seen
from tests.faults.roles import hand_out_new_ids, shorten
from tests.faults.run import NEAR
from tests.notes.models import Note
from users.models import User

LONGEST = 900.0  # seconds


def client(
    name: str, folder: str, seed: int, pause: float, deadline: float, writes: tuple[str, ...] = PATTERNS
) -> None:
    """Run a client until it is told to stop."""
    _shorten_both(deadline)
    one = Client(name, folder, seed, writes)
    _until_stopped(folder, one.act, pause)


def near_client(name: str, folder: str, seed: int, pause: float, deadline: float) -> int:
    """Run a client that keeps copies until it is told to stop; return how often it has read one."""
    near_copies.FEW = 10**9  # it goes on, though its rows are written as often as they are read
    with near_notes.registered(NEAR):
        client(name, folder, seed, pause, deadline)
        return COPIES.hits


def writer(name: str, folder: str, seed: int, pause: float, deadline: float) -> None:
    """Run a client that only queues writes."""
    shorten(cache_for(Note), deadline)
    one = Client(name, folder, seed, ("write-behind",))
    _until_stopped(folder, one.queue_something, pause)


def with_replicas(of: str, replicas: int, **options: Any) -> Any:
    """Do a job in a process that waits for so many replicas of the queue to have each write."""
    wait_for_replicas(replicas)
    return globals()[of](**options)


def wait_for_replicas(number: int) -> None:
    """Let all registrations of this process say `replicas = number`."""
    for cache in registry.declared():
        if cache.queue:
            cache.replicas = number
            cache.table = cache._table()


def of_next_release(of_next: str, **options: Any) -> Any:
    """Do a job in a process whose registration of the notes has one field more, and so another version."""
    release = type(
        "NextNoteCache", (type(cache_for(Note)),), {"version": 2, "fields": ["title", "body", "size", "secret"]}
    )
    registry._declared[Note] = release(Note)
    return globals()[of_next](**options)


def delete_version(version: int, folder: str, deadline: float) -> None:
    """Delete the keys of a version of the notes."""
    _shorten_both(deadline)
    call_command("cache_delete_version", "note", str(version), verbosity=0)


def counter(name: str, folder: str, seed: int, pause: float, deadline: float) -> None:
    """Run a client that does nothing but count, in the queue."""
    shorten(cache_for(Note), deadline)
    one = Client(name, folder, seed, ("write-behind",))
    _until_stopped(folder, one.count, pause)


def flusher(folder: str, deadline: float) -> None:
    """Do what a worker does, without Celery."""
    both = _shorten_both(deadline)

    def flush() -> None:
        close_old_connections()
        try:
            for cache in both:
                cache.flush()
        except Unavailable:
            time.sleep(0.05)

    _until_stopped(folder, flush, 0.01)


def _shorten_both(deadline: float) -> list[Any]:
    """Return the caches of the notes and of the users, whose deadlines run out sooner."""
    both = [cache_for(Note), cache_for(User)]
    for cache in both:
        shorten(cache, deadline)
    return both


def operator(action: str, deadline: float) -> None:
    """Switch off or on, to the end."""
    _shorten_both(deadline)
    both = switch.models(["notes.Note", "users.User"])  # all that the clients write, past all servers too
    if action == "on":
        switch.on(both)
    else:
        assert switch.off(both, "operator", timeout=20).left == []


def resharder(number: int, folder: str, deadline: float) -> None:
    """Change the number of shards of both queues, to the end."""
    for cache in _shorten_both(deadline):
        shard_change.change(cache, number, timeout=20)


def _until_stopped(folder: str, act: Callable[[], None], pause: float) -> None:
    stop, end = Path(folder) / "stop", time.monotonic() + LONGEST
    while not stop.exists() and time.monotonic() < end:
        act()
        time.sleep(pause)


def begin(folder: str, deadline: float) -> None:
    """Make the rows that are there from the start, and write down that they are."""
    notes, _ = _shorten_both(deadline)
    recorder = Recorder("begin", Path(folder) / "begin.jsonl")
    owners.begin(recorder)
    for row in range(1, ROWS + 1):
        number = recorder.next_number()
        fields = dict.fromkeys(FIELDS, recorder.value(number))
        recorder.begin_as(number, Kind.CREATE, row, fields)
        notes.create(pk=row, **fields)
        recorder.end(number, Outcome.OK)
    hand_out_new_ids()


def tables() -> None:
    """Make the tables in the database of this nursery."""
    call_command("migrate", verbosity=0)


def empty_table() -> None:
    """Begin without rows, and with the ids from 1; PostgreSQL only."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notes_note RESTART IDENTITY CASCADE")


def empty_everything(folder: str, deadline: float) -> None:
    """Begin without rows, slots or waiting writes."""
    from cachedemo.servers.roles import CACHE, QUEUE

    Note.objects.all()._raw_delete("default")
    for server in (*CACHE.servers(), *QUEUE.servers()):
        server.command("FLUSHDB")


def overdue(folder: str, deadline: float) -> bool:
    """Whether something is owed that should be paid by now."""
    try:
        return any(cache_for(model).table.queue.owed()[1] > 0 for model in (Note, User))
    except Unavailable:  # nobody knows
        return True


def rest(folder: str, rows: int, deadline: float, timeout: float) -> int:
    """Drain, work off what is owed, and write down what cache and database say at rest; return the dead letters."""
    notes, users = _shorten_both(deadline)
    for cache in (notes, users):
        _come_to_rest(cache, time.monotonic() + timeout)
    wanted = range(1, rows + 1)
    cached = notes.get_many(wanted)
    stored = {note.pk: note for note in Note.objects.filter(pk__in=wanted)}
    emails = [owners.email(number) for number in (*owners.KEPT, *owners.LOOSE)]
    looked_up = owners.at_rest(users.get_many_by("email", emails).values())
    has = owners.at_rest(User.objects.filter(email__in=emails))
    for name, found, owned in (("rest-cache", cached, looked_up), ("rest-source", stored, has)):
        recorder = Recorder(name, Path(folder) / f"{name}.jsonl")
        number = recorder.begin(Kind.READ)
        recorder.end(number, Outcome.OK, owned | {row: seen(found[row]) if row in found else None for row in wanted})
    return len(notes.table.queue.dead())


def _come_to_rest(notes: Any, patience: float) -> None:
    queue = notes.table.queue
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
