"""Three rows, of which the first is in the cache and has a write waiting; one role does something, and is hindered."""

import signal
import time
from collections.abc import Callable
from typing import Any

import redis

from cachedemo.model_cache import ModelCache
from tests.conftest import empty, forget_servers
from tests.faults.nursery import Job, Nursery
from tests.faults.roles import hand_out_new_ids
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note

DEADLINE = 0.05  # seconds, for leases, marks, claims and what is owed
MOST_STEPS = 40
QUEUE = "{flush:notes}:"


class Matrix:
    """What the tests of one role at each of its steps have in common."""

    def __init__(self, notes: ModelCache, nursery: Nursery, cache: redis.Redis, queue: redis.Redis) -> None:
        self.notes = notes
        self.nursery = nursery
        self.cache = cache
        self.queue = queue

    def prepare(self, warm: bool = True) -> None:
        """Begin anew."""
        empty(self.cache, self.queue)
        forget_servers()
        Note.objects.all()._raw_delete("default")
        past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0") for pk in (1, 2, 3)])
        hand_out_new_ids()
        self.notes.get(1)
        self.notes.via("write-behind").update(1, body="b1")
        if not warm:
            self.cache.flushdb()

    def start(self, role: str, step: int, number: int = signal.SIGKILL, kill_before: int = 0) -> Job:
        """Start a process that does what the role does and is stopped by this signal before the step."""
        options = {"deadline": DEADLINE, "number": int(number), "kill_before": kill_before}
        return self.nursery.start("tests.faults.roles:act", role=role, step=step, **options)

    def start_paused(self, role: str, step: int, kill_before: int = 0) -> Job | None:
        """Start a process and wait until it has paused before the step; None if it ended without."""
        job = self.start(role, step, signal.SIGSTOP, kill_before)
        until(lambda: job.poll() or job.is_paused())
        return None if job.ended else job

    def deadline_passes(self) -> None:
        time.sleep(DEADLINE * 1.1)

    def seen(self, pk: int = 1) -> Any:
        """Return what a reader gets."""
        note = self.notes.get_many([pk]).get(pk)
        return note and (note.title, note.body)

    def stored(self, pk: int = 1) -> Any:
        """Return what is in the table."""
        return Note.objects.filter(pk=pk).values_list("title", "body").first()

    def come_to_rest(self) -> None:
        """What a worker does every second: drain, and work off what the dead have left."""
        until(self._at_rest)

    def _at_rest(self) -> bool:
        self.notes.flush()
        waiting = self.notes.table.queue.depth() - len(self.notes.table.queue.dead())
        return not waiting and not any(self.queue.zcard(QUEUE + key) for key in ("claimed", "owed"))

    def assert_agreed(self) -> None:
        """Cache equals database: what a hit would return, and what a reader gets."""
        for pk in {1, 2, 3, *Note.objects.values_list("pk", flat=True)}:
            slot = self.cache.get(self.notes.table.slots.key(pk))
            entry = self.notes.table.slots.held(pk, slot) if slot else None
            if entry:
                body = entry.body and self.notes.table.codec.decode(entry.body)
                assert (body and (body["title"], body["body"])) == self.stored(pk)
            assert self.seen(pk) == self.stored(pk)


def each_step(matrix: Matrix, role: str, prepare: Callable[[], None]) -> Any:
    """Yield each step once its process has been killed there, and None once one has done all of them."""
    for step in range(1, MOST_STEPS):
        prepare()
        ended = matrix.start(role, step).wait()
        if not ended.killed:
            assert ended.status == 0, matrix.nursery.log.read_text()
            assert len(ended.result) == step - 1
            yield None
            return
        yield step
    raise AssertionError(f"{role} takes more than {MOST_STEPS} steps")
