"""What operators ask of a queue in shards, and do to it: of each shard, and together."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cachedemo.exceptions import QueueUnavailable
from cachedemo.protocol import closed_notes, replicated, shards
from cachedemo.protocol.lua import change_script
from cachedemo.protocol.queue import FlushQueue
from cachedemo.protocol.shards import CHANGING, OPENED, Moved, Shards
from cachedemo.protocol.write_queue import WriteQueue
from cachedemo.servers.roles import QUEUE
from cachedemo.servers.scripts import Script

T = TypeVar("T")
Parts = Sequence[FlushQueue]

PATIENCE = 5.0  # seconds to wait for who changes the number of shards, between the old ones and the new ones
PAUSE = 0.02

_set_shards, _open_shard = change_script("set_shards"), change_script("open_shard")


class OperatedShards(WriteQueue):
    """Knows how many shards there are, and asks again where it was wrong.

    Args:
        replicas: as in `FlushQueue`.
        begins_with: how many shards the queue has if nobody has used it before.
    """

    def __init__(self, name: str, replicas: int = 0, begins_with: int = 1) -> None:
        self._replicas = replicas
        self.begins_with = begins_with
        super().__init__(name)

    @property
    def replicas(self) -> int:
        """How many replicas must have what is written."""
        return self._replicas

    @replicas.setter
    def replicas(self, number: int) -> None:
        self._replicas = number
        for part in self._parts:
            part.replicas = number

    def _put_under(self, prefix: str) -> None:
        super()._put_under(prefix)
        self._prefix = prefix
        self._parts = self.of(1)

    def of(self, count: int) -> Parts:
        """Return the shards that there are where there are so many."""
        named = (FlushQueue(name, self.replicas, is_shard=count > 1) for name in shards.names(self.name, count))
        return [part.under(self._prefix) for part in named]

    # how many there are

    def part_of(self, pk: Any) -> FlushQueue:
        parts = self.parts()
        return parts[shards.place(pk, len(parts))]

    def parts(self) -> Parts:
        self.look()
        return self._parts

    def known_parts(self) -> Parts:
        return self._parts

    def noted(self) -> tuple[Shards, bytes]:
        """Return what stands in the queue of how many there are, and how it is written there."""
        raw = QUEUE.command("GET", self.key("shards")) or b""
        return shards.parse(raw), raw

    def is_changing(self) -> bool:
        return self.noted()[0].state != ""

    def look(self) -> bool:
        """Ask how many shards there are; return whether something has come of that.

        Once the new ones are named, anybody opens them: whoever has named them may have been killed.
        """
        found, raw = self.noted()
        if found.state == OPENED:
            self.open_all(found, raw)
        return self.heard(raw) or found.state == OPENED

    def heard(self, record: Any) -> bool:
        if not isinstance(record, bytes):
            return False
        if (count := shards.parse(record).number) == len(self._parts):
            return False
        self._parts = self.of(count)
        return True

    def open_all(self, found: Shards, raw: bytes) -> None:
        """Open the shards that are current now, and note that they are."""
        for part in self.of(found.number):
            self.step(part, _open_shard, found.run)
        self.note(raw, found._replace(to=found.number, state=""))

    def note(self, known: bytes, new: Shards) -> bool:
        """Change what stands there, if it still is what was seen; return whether it was."""
        return bool(self.step(self, _set_shards, known, new.written))

    def step(self, part: WriteQueue, script: Script, *arguments: Any) -> Any:
        """Take a step of a change in one shard; it counts once the replicas have it."""
        if not self.replicas:
            return QUEUE.script(script, [part.list_key], arguments)
        return replicated.script(script, [part.list_key], arguments, self.replicas)

    def again(self, ask: Callable[[Parts], T]) -> T:
        """Ask the shards that are known, and again where they are not current: nothing was done there.

        Raises QueueUnavailable if nobody goes on with a change that somebody has begun.
        """
        give_up: float | None = None
        while True:
            try:
                return ask(self._parts)
            except Moved as error:
                give_up = give_up or time.monotonic() + PATIENCE
                if not self.look():
                    self._wait(give_up, error)

    def _wait(self, give_up: float, error: Moved) -> None:
        if time.monotonic() > give_up:
            found, _ = self.noted()
            count = found.to if found.state == CHANGING else found.number
            raise QueueUnavailable(
                f"Somebody has begun to change the number of shards of {self.name} and not finished: run "
                f"`cache_shards` again, with {count} or another number."
            ) from error
        time.sleep(PAUSE)

    def ask_each(self, ask: Callable[[FlushQueue], T]) -> list[T]:
        """Ask every shard that there is now."""
        self.look()
        return self.again(lambda parts: [ask(part) for part in parts])

    # what is done to rows, wherever they are

    @staticmethod
    def by_part(parts: Parts, pks: Iterable[Any]) -> dict[FlushQueue, list[Any]]:
        """Return the rows of each shard that has some, in their order."""
        found: dict[FlushQueue, list[Any]] = defaultdict(list)
        for pk in pks:
            found[parts[shards.place(pk, len(parts))]].append(pk)
        return found

    def of_rows(self, pks: Iterable[Any], ask: Callable[[FlushQueue, list[Any]], T]) -> list[T]:
        """Ask each shard that has some of these rows about them."""
        rows = list(pks)
        return self.again(lambda parts: [ask(part, some) for part, some in self.by_part(parts, rows).items()])

    def retry(self, pks: Iterable[str]) -> int:
        return sum(self.of_rows(pks, FlushQueue.retry))

    def discard(self, pks: Iterable[str]) -> int:
        return sum(self.of_rows(pks, FlushQueue.discard))

    def dead(self, pks: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        self.look()
        answers = self.ask_each(FlushQueue.dead) if pks is None else self.of_rows(pks, FlushQueue.dead)
        found = {pk: letter for answer in answers for pk, letter in answer.items()}
        return found if pks is None else {pk: found[pk] for pk in pks if pk in found}

    def waits(self, pks: Sequence[Any]) -> list[bool]:
        self.look()
        answers = self.of_rows(pks, lambda part, some: zip(some, part.waits(some), strict=True))
        found = {pk: waits for answer in answers for pk, waits in answer}
        return [found[pk] for pk in pks]

    # what there is

    def in_line(self) -> int:
        return sum(self.ask_each(FlushQueue.in_line))

    def in_flight(self) -> int:
        return sum(self.ask_each(FlushQueue.in_flight))

    def depth(self) -> int:
        return sum(self.ask_each(FlushQueue.depth))

    def dead_count(self) -> int:
        return sum(self.ask_each(FlushQueue.dead_count))

    def lag(self) -> float:
        return max(self.ask_each(FlushQueue.lag))

    def owed(self) -> tuple[int, float]:
        counts, ages = zip(*self.ask_each(FlushQueue.owed), strict=True)
        return sum(counts), max(ages)

    def written_now(self) -> set[str]:
        return set().union(*self.ask_each(FlushQueue.written_now))

    def waiting_pks(self) -> list[str]:
        return [pk for pks in self.ask_each(FlushQueue.waiting_pks) for pk in pks]

    # switching off and on

    def closed(self) -> bytes | None:
        return next((note for note in self.ask_each(FlushQueue.closed) if note is not None), None)

    def close(self, note: bytes) -> bytes:
        """All get one note: that of the first one, if somebody has been killed before he had closed the others."""

        def close(parts: Parts) -> bytes:
            first = parts[0].close(note)
            for part in parts[1:]:
                if (other := part.close(first)) != first:
                    part.open(other)
                    part.close(first)
            return first

        return self.again(close)

    def end_closing(self, note: bytes, ended: bytes) -> str:
        results = self.ask_each(lambda part: part.end_closing(note, ended))
        return next((each for each in ("SWITCHED", "WAITS") if each in results), "CLOSED")

    def open(self, note: bytes) -> bool:
        """Open those that are closed: somebody may have been killed who had opened some, or had ended some."""
        run = _run_of(note)

        def open_(part: FlushQueue) -> bool:
            standing = part.closed()
            return standing is None or (_run_of(standing) == run and part.open(standing))

        return self.closed() is not None and all(self.ask_each(open_))


def _run_of(note: bytes) -> str:
    parsed = closed_notes.parse(note)
    return parsed.run if parsed else ""
