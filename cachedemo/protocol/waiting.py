"""What the queue answers, as Python has it, and how dead letters are written down."""

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cachedemo.protocol.waiting_fields import (
    Fields,
    decode,
    decode_packed,
    decode_plain,
    field_of,
    is_packed,
    unpacked,
)

Names = Iterable[str] | None  # of the fields that a write names; None for all of the row


def oldest_of(answer: Any) -> float | None:
    """Return when the first write in line was taken, in seconds since the epoch; None if none is in line.

    Args:
        answer: to `ZRANGE {queue}:pending 0 0 WITHSCORES`. Dead letters that nothing else waits for are at infinity.
    """
    since = float(answer[0][1]) / 1_000_000 if answer else math.inf
    return None if math.isinf(since) else since


class Stamp(NamedTuple):
    """What a writer of the database learns when it gets its stamp."""

    stamp: int
    pending: Fields
    versions: list[str]
    announced: bytes | None = None  # what the queue holds about the writer's own version


class StampOfMany(NamedTuple):
    """What a writer of many rows learns: one stamp for all of them, and what waits for each."""

    stamp: int
    pending: list[Fields]  # in the order of the rows
    versions: list[str]


class Settled(NamedTuple):
    """What a writer of the database learns when it settles up."""

    appeared: list[str]  # versions whose slots it must still empty
    announced: bytes | None  # what the queue holds about the writer's own version


class Enqueued(NamedTuple):
    """What a write-behind writer learns when its write was taken."""

    stamp: int
    pending: Fields
    versions: list[str]
    first: bool  # the list was empty before
    previous: dict[str, int] = {}  # of each field with an increment: the last stamp that its entry had before, or 0


class ToQueue(NamedTuple):
    """One of many writes for the queue: a row's key, a stamp that the new one must pass, and what to write."""

    pk: Any
    floor: int
    values: Mapping[str, Any]


class NotQueued(Exception):
    """Raised when the queue does not take a write; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Claim(NamedTuple):
    """One claimed row: what waits for it, or why that cannot be read."""

    pk: str
    waiting: Sequence[bytes]  # as it stands in the row's hash, name and value in turn; or what is packed, alone
    fields: Fields
    stamp: int  # the newest of its fields'
    error: str | None

    @property
    def raw(self) -> dict[bytes, bytes]:
        """What stands in the row's hash, or would."""
        return pairs(unpacked(self.waiting[0]) if len(self.waiting) == 1 else self.waiting)

    @property
    def unreadable(self) -> list[str]:
        """The names of the fields that cannot be read."""
        return sorted({field_of(name) for name in self.raw} - self.fields.keys())

    def entries(self, names: Iterable[str] | None) -> dict[bytes, bytes]:
        """Return the entries of these fields, of all if None, as they stand in the row's hash."""
        return {name: raw for name, raw in self.raw.items() if names is None or field_of(name) in names}


class Claimed(NamedTuple):
    """The rows that one flush has taken, and the versions whose slots it must see to."""

    claims: list[Claim]
    versions: list[str]


class Stopped(NamedTuple):
    """Why a queue cannot be flushed, and since when (seconds since the epoch)."""

    error: str
    at: float


class Owed(NamedTuple):
    """A row whose slots somebody must empty: a writer died, or could not reach the cache; or all rows, if too many."""

    member: bytes
    deadline: bytes

    @property
    def pk(self) -> str:
        return self.member.decode().rpartition(":")[0]

    @property
    def is_all(self) -> bool:
        return self.member == b":all"


def claimed_of(answer: Sequence[Any]) -> Claimed:
    """Return the batch in the claim script's answer: how many versions there are, these, and the rows."""
    rows = 1 + answer[0]
    return Claimed(claims_of(answer[rows:]), texts(answer[1:rows]))


def claims_of(parts: Sequence[Any]) -> list[Claim]:
    """Return the claims in the claim script's answer: for each row its id, and what is packed there or an error in
    words; or how many strings follow, and these, the names and values of its fields in turn.
    """
    found, place = [], 0
    while place < len(parts):
        pk, what = parts[place].decode(), parts[place + 1]
        place += 2
        if type(what) is int:
            found.append(_claim(pk, parts[place : place + what]))
            place += what
        elif (plain := decode_packed(what)) is not None:
            found.append(Claim(pk, (what,), *plain, None))
        elif is_packed(what):
            found.append(_claim(pk, unpacked(what)) if unpacked(what) else Claim(pk, (), {}, 0, "no row of ours"))
        else:
            found.append(Claim(pk, (), {}, 0, what.decode()))
    return found


def _claim(pk: str, fields: Sequence[bytes]) -> Claim:
    """Return one claim, from the row's fields, name and value in turn."""
    if (plain := decode_plain(fields)) is not None:
        return Claim(pk, fields, *plain, None)
    decoded, errors = decode(pairs(fields))
    newest = max([stamp for stamp, _ in decoded.values()], default=0)
    return Claim(pk, fields, decoded, newest, "; ".join(f"{name}: {why}" for name, why in errors.items()) or None)


def pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return a dict from names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def letter(error: str, refused: Mapping[str, int]) -> str:
    """Return what is noted of a dead letter: what is wrong, and the stamps of the fields that are refused."""
    return json.dumps({"error": error, "at": time.time(), "stamps": dict(refused)})


def letter_of(raw: bytes) -> dict[str, Any]:
    """Return what is noted of a dead letter: error, when, and the refused stamps."""
    try:
        letter = json.loads(raw)
        return {"error": str(letter["error"]), "at": float(letter["at"]), "stamps": dict(letter["stamps"])}
    except (ValueError, TypeError, KeyError):
        return {"error": "What is noted of it cannot be read.", "at": 0.0, "stamps": {}}


def stopped_of(raw: Any) -> Stopped | None:
    """Return what is noted of a queue that cannot be flushed, None if nothing is."""
    if not isinstance(raw, bytes):
        return None
    try:
        noted = json.loads(raw)
        return Stopped(str(noted["error"]), float(noted["at"]))
    except (ValueError, TypeError, KeyError):  # stopped all the same
        return Stopped("What is noted of it cannot be read.", 0.0)


def text(item: bytes | str) -> str:
    """Return text as it is, and bytes as text; of bytes that are none, what they are."""
    return item if isinstance(item, str) else item.decode(errors="backslashreplace")


def texts(items: Iterable[bytes]) -> list[str]:
    """Return bytes as text."""
    return [item.decode() for item in items]
