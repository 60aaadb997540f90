"""What clients did and what they were told, written down so that it survives their being killed.

A client writes a line before each operation and another after it. The clock is the system's monotonic one, which is
the same for all processes of a machine, so histories of several clients can be laid side by side.
"""

import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

FOREVER = float("inf")
MISSING = "DoesNotExist"  # the error of a write that found no row, and so has read that there is none


class Kind(StrEnum):
    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"
    ADD = "add"  # to a counter


class Outcome(StrEnum):
    OK = "ok"  # a write: acknowledged
    FAILED = "failed"  # certainly not done
    UNKNOWN = "unknown"  # done or not, now or later; never acknowledged


class Operation(NamedTuple):
    """One operation on one row.

    Attributes:
        row: the primary key; None while nobody knows it (a create without an answer).
        fields: what was written or seen, each value unique to its write, but for counters: what was added to them, or
            how many they were seen at; None is a row seen missing.
        final: read when everything had come to rest.
        error: the name of what was raised.
        excused: a read that may have been older than it should, since writers could not reach the cache.
    """

    client: str
    kind: Kind
    row: Any
    fields: dict[str, Any] | None
    start: int
    end: float
    outcome: Outcome
    final: bool = False
    error: str = ""
    excused: bool = False


class Recorder:
    """Writes one client's history to a file, each line with one unbuffered write."""

    def __init__(self, client: str, path: Path | str) -> None:
        self.client = client
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._numbers = itertools.count(1)

    def value(self, number: int) -> str:
        """Return the value that names the write of this number."""
        return f"{self.client}.{number}"

    def begin(self, kind: Kind, row: Any = None, fields: dict[str, Any] | None = None) -> int:
        """Note that an operation starts now; return its number."""
        number = self.next_number()
        self.begin_as(number, kind, row, fields)
        return number

    def next_number(self) -> int:
        return next(self._numbers)

    def begin_as(self, number: int, kind: Kind, row: Any, fields: dict[str, Any] | None) -> None:
        """Do the same under a number taken before, because the written values are named by it."""
        self._write({"op": number, "kind": kind, "row": row, "fields": fields, "start": time.monotonic_ns()})

    def end(self, number: int, outcome: Outcome, seen: dict[Any, Any] | None = None, error: str = "") -> None:
        """Note what came of it. `seen` maps each row to its fields: what a read returned, what a create made."""
        line = {"op": number, "end": time.monotonic_ns(), "outcome": outcome, "error": error}
        self._write(line if seen is None else line | {"seen": list(seen.items())})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps(line) + "\n").encode())


def load(paths: Iterable[Path]) -> list[Operation]:
    """Return all operations of these files, ordered by their start; one never ended is unknown."""
    operations = _with_rows([operation for path in paths for operation in _client(path)])
    return sorted(operations, key=lambda operation: operation.start)


def _with_rows(operations: list[Operation]) -> list[Operation]:
    """A create without an answer is known by its values, once somebody has seen them."""
    reads = [each for each in operations if each.kind is Kind.READ]
    rows = {value: read.row for read in reads for value in (read.fields or {}).values()}
    return [
        each._replace(row=next((rows[value] for value in each.fields.values() if value in rows), None))
        if each.kind is Kind.CREATE and each.row is None and each.fields
        else each
        for each in operations
    ]


def _client(path: Path) -> Iterator[Operation]:
    begun: dict[int, dict[str, Any]] = {}
    for text in path.read_text().splitlines():
        line = json.loads(text)
        if "start" in line:
            begun[line["op"]] = line
        else:
            yield from _operations(path.stem, begun.pop(line["op"]), line)
    for line in begun.values():
        yield from _operations(path.stem, line, {"end": FOREVER, "outcome": Outcome.UNKNOWN})


def _operations(client: str, begun: dict[str, Any], ended: dict[str, Any]) -> Iterator[Operation]:
    """One for each row that was seen; where none was, the operation as it was begun."""
    kind, outcome, error = Kind(begun["kind"]), Outcome(ended["outcome"]), ended.get("error", "")
    if kind is Kind.READ and outcome is not Outcome.OK:
        return  # it saw nothing
    seen = ended.get("seen", [(begun["row"], begun["fields"])])
    for row, fields in seen:
        final = client.startswith("rest-")
        yield Operation(client, kind, row, fields, begun["start"], ended["end"], outcome, final, error)
        if error == MISSING and kind is not Kind.READ:
            yield Operation(client, Kind.READ, row, None, begun["start"], ended["end"], Outcome.OK)
