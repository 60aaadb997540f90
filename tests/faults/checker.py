"""Accepts a history only if every promise was kept; by real time, never by stamps.

Each field of each row is looked at on its own. A write is known to be newer than another if it began after the other
was acknowledged or seen, or if a read returned it that began after the other was acknowledged. Two writes that are
each newer than the other are the violation: with a real-time order between them it is a stale read (or, at rest, a
lost write), without one the reads contradict each other about concurrent writes.

The one excuse is DESIGN's: while a writer cannot reach a cache that keeps its memory (paused, or cut off), others may
read an older value from there, until what is owed is worked off. Reads that begin in such an outage tell no order.

A write without an acknowledgement may take effect at any time, or never, and may flicker until it is superseded.

Reads of clients that keep copies (`near`) may be older, by so much and no more, as far as others wrote; what a client
was told of its own writes its reads must show.

A counter is only ever added to: what a read returns lies between all that was acknowledged before it began and all
that was begun before it ended.
"""

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.history import FOREVER, Kind, Operation, Outcome

Outage = tuple[int, int]  # from, to

NEVER_WRITTEN = {"size"}  # of a row that nobody adds to


class Violation(NamedTuple):
    """A promise that was not kept, in words, and the operations that show it."""

    kind: str  # stale, lost, twice, contradiction, phantom, undone, resurrected, vanished, drift
    row: Any
    field: str
    operations: tuple[Operation, ...]

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.field or 'row'} of row {self.row}"]
        return "\n    ".join([*lines, *map(str, self.operations)])


@dataclass
class _Write:
    """One write of one field, and the reads that returned it."""

    operation: Operation
    reads: list[Operation] = field(default_factory=list)

    @property
    def start(self) -> float:
        return self.operation.start

    @property
    def acknowledged(self) -> float:
        return self.operation.end if self.operation.outcome is Outcome.OK else FOREVER

    def freeze(self) -> None:
        """Compute once what is asked often: when it was there at the latest, and when it was last returned."""
        self.there = min([self.acknowledged, *(read.end for read in self.reads)])
        self.last = max(self.reads, key=lambda read: read.start, default=None)
        self.returned = max(self.start, self.last.start if self.last else 0)

    def newer_by_time(self, other: "_Write") -> bool:
        return other.there < self.start

    def newer(self, other: "_Write") -> bool:
        return other.acknowledged < self.returned or self.newer_by_time(other)


def check(history: Iterable[Operation], outages: Iterable[Outage] = (), near: int = 0) -> list[Violation]:
    """Return every violation in a history; none means that it is accepted.

    Args:
        outages: from when to when writers could not reach a cache that readers could.
        near: nanoseconds by which a read may be behind what others have written.
    """
    spans = list(outages)
    rows: dict[Any, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.row is not None:
            rows[operation.row].append(operation._replace(excused=_excused(operation, spans)))
    if near:
        rows = defaultdict(list, {row: _as_old(operations, near) for row, operations in rows.items()})
    return [violation for row, operations in rows.items() for violation in _check_row(row, operations)]


def _as_old(operations: list[Operation], near: int) -> list[Operation]:
    """Let each read of a row begin as much earlier, but not before its client was told of a write of its own."""
    found, told = [], defaultdict(list)
    for each in sorted(operations, key=lambda each: each.start):
        if each.kind is not Kind.READ:
            if each.outcome is Outcome.OK:
                told[each.client].append(each.end)
        elif not each.final:
            own = max((end + 1 for end in told[each.client] if end < each.start), default=0)
            each = each._replace(start=int(max(each.start - near, own)))
        found.append(each)
    return found


def _excused(operation: Operation, outages: list[Outage]) -> bool:
    return operation.kind is Kind.READ and any(begin <= operation.start <= end for begin, end in outages)


def _check_row(row: Any, operations: list[Operation]) -> Iterator[Violation]:
    yield from _existence(row, operations)
    yield from _drift(row, operations)
    counters = {name for each in operations if each.kind is Kind.ADD for name in each.fields or ()}
    for name in sorted(counters):
        yield from _counter(row, name, [each for each in operations if each.fields and name in each.fields])
    names = {name for operation in operations for name in operation.fields or ()}
    for name in sorted(names - counters - NEVER_WRITTEN):
        yield from _field(row, name, [each for each in operations if each.fields and name in each.fields])


# one counter


def _counter(row: Any, name: str, operations: list[Operation]) -> Iterator[Violation]:
    additions = [each for each in operations if each.kind is Kind.ADD and each.outcome is not Outcome.FAILED]
    begun = _Sums((each.start, each.fields[name]) for each in additions)
    known = _Sums((each.end, each.fields[name]) for each in additions if each.outcome is Outcome.OK)
    for read in (each for each in operations if each.kind is Kind.READ):
        if read.fields[name] > begun.before(read.end):
            yield Violation("twice", row, name, (read,))
        elif read.fields[name] < known.before(read.start) and not read.excused:
            yield Violation("lost" if read.final else "stale", row, name, (read,))


class _Sums:
    """How much was added before a moment."""

    def __init__(self, additions: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(additions)
        self.times = [time for time, _ in ordered]
        self.sums = [0, *itertools.accumulate(delta for _, delta in ordered)]

    def before(self, moment: float) -> int:
        return self.sums[bisect.bisect_left(self.times, moment)]


# one field


def _field(row: Any, name: str, operations: list[Operation]) -> Iterator[Violation]:
    writes = {each.fields[name]: _Write(each) for each in operations if each.kind in (Kind.WRITE, Kind.CREATE)}
    for read in (each for each in operations if each.kind is Kind.READ):
        write = writes.get(read.fields[name])
        if write is None or write.start > read.end:
            yield Violation("phantom", row, name, (read,))
        elif write.operation.outcome is Outcome.FAILED:
            yield Violation("undone", row, name, (write.operation, read))
        elif not read.excused:
            write.reads.append(read)
    yield from _order(row, name, list(writes.values()))


def _order(row: Any, name: str, writes: list[_Write]) -> Iterator[Violation]:
    """Find pairs of writes that are each newer than the other."""
    for write in writes:
        write.freeze()
    acknowledged = sorted((each for each in writes if each.acknowledged < FOREVER), key=lambda each: each.acknowledged)
    times = [each.acknowledged for each in acknowledged]
    for write in writes:
        first, last = bisect.bisect_left(times, write.there), bisect.bisect_left(times, write.returned)
        for other in acknowledged[first:last]:
            if other is not write and write.newer(other) and other.newer(write):
                yield _violation(row, name, write, other)


def _violation(row: Any, name: str, one: _Write, other: _Write) -> Violation:
    older, newer = (other, one) if one.newer_by_time(other) else (one, other)
    if not newer.newer_by_time(older):
        reads = tuple(each for each in (newer.last, older.last) if each)
        return Violation("contradiction", row, name, (older.operation, newer.operation, *reads))
    assert older.last is not None
    kind = "lost" if older.last.final else "stale"
    return Violation(kind, row, name, (older.operation, newer.operation, older.last))


# whole rows


def _existence(row: Any, operations: list[Operation]) -> Iterator[Violation]:
    """No row is there after its delete was acknowledged, and none is missing that was created and never deleted."""
    deletes = [each for each in operations if each.kind is Kind.DELETE and each.outcome is not Outcome.FAILED]
    creates = [each for each in operations if each.kind is Kind.CREATE and each.outcome is Outcome.OK]
    gone = min((each for each in deletes if each.outcome is Outcome.OK), key=lambda each: each.end, default=None)
    first_delete = min((each.start for each in deletes), default=FOREVER)
    for read in (each for each in operations if each.kind is Kind.READ and not each.excused):
        if read.fields is not None and gone and gone.end < read.start:
            yield Violation("resurrected", row, "", (gone, read))
        if read.fields is None and creates and creates[0].end < read.start and first_delete > read.end:
            yield Violation("vanished", row, "", (creates[0], read))


def _drift(row: Any, operations: list[Operation]) -> Iterator[Violation]:
    """At rest, every reader gets the same answer."""
    final = [each for each in operations if each.final]
    for one, other in itertools.pairwise(final):
        if one.fields != other.fields:
            yield Violation("drift", row, "", (one, other))
