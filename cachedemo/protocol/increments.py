"""Increments that wait: what a field gets that has more than one value waiting for it, and what they make of a row.

What waits for such a field is a list of entries. Each is a value or a delta, with the first and the last of the stamps
that are in it; a later increment joins the last delta, until that is sealed, because somebody was handed it.
"""

import decimal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cachedemo.protocol import stamps

_exact = decimal.Context(prec=2000)  # no column has more digits


class Change(NamedTuple):
    """One entry.

    Attributes:
        first, last: the stamps in it; of a value both are its own.
        value: a JSON value, or what is added: a whole number, or a Decimal.
        adds: whether it is added.
        known_place: whether stamps tell if another value than the row's has it; not once it was refused and retried.
    """

    first: int
    last: int
    value: Any
    adds: bool
    known_place: bool = True

    def is_above(self, stamp: int) -> bool:
        """Whether a slot with this stamp certainly has nothing of a delta."""
        return self.first > stamp and self.known_place and not stamps.is_refused(self.first)


class Changes(tuple[Change, ...]):
    """What waits for one field, the oldest first: at most one value, and then deltas."""

    __slots__ = ()

    @property
    def newest(self) -> int:
        """The stamp of the last of them."""
        return self[-1].last

    @property
    def sets(self) -> bool:
        """Whether it begins with a value, so that nothing below it counts."""
        return bool(self) and not self[0].adds

    def over(self, value: Any, stamp: int) -> Any:
        """Return what they make of the JSON value of a row with this stamp, which is never between two of an entry."""
        for change in self:
            if change.first > stamp:
                value = add(value, change.value) if change.adds else change.value
        return value

    def over_base(self, value: Any, stamp: int, own: "Own | None") -> Any:
        """Return what they make of a slot's value, which may have a part of the last delta.

        Raises:
            Unknowable: nobody can tell how much of it the slot has.
        """
        above = False
        for change in self:
            if not change.adds:
                above = change.last > stamp
                value = change.value if above else value
            elif above or change.is_above(stamp):
                value = add(value, change.value)
            elif change.last > stamp:
                value = add(value, _own_part(own if change is self[-1] else None, stamp))
        return value

    def only(self, wanted: Callable[[Change], bool]) -> "Changes":
        """Return those of them that are wanted."""
        return Changes(filter(wanted, self))

    def waiting(self) -> tuple[int, "Changes"]:
        """Return them as they stand among the waiting fields of a row."""
        return self.newest, self


class Own(NamedTuple):
    """What a writer has just added: how much, and the last stamp that its entry had before."""

    delta: Any
    previous: int


class Unknowable(Exception):
    """Raised where a slot may have a part of an entry: then nothing is published over it."""


def _own_part(own: Own | None, stamp: int) -> Any:
    if own is None or own.previous != stamp:
        raise Unknowable
    return own.delta


def add(value: Any, delta: Any) -> Any:
    """Return the JSON value of a number after an increment. NULL stays NULL, as in SQL."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(_exact.add(decimal.Decimal(value), decimal.Decimal(delta)))
    return value + int(delta)


def total(deltas: Iterable[Any]) -> Any:
    """Return the sum of some deltas."""
    result: Any = 0
    for delta in deltas:
        result = _exact.add(decimal.Decimal(result), delta) if isinstance(delta, decimal.Decimal) else result + delta
    return result


def to_json(delta: Any) -> Any:
    """Return a delta as a JSON value."""
    return format(delta, "f") if isinstance(delta, decimal.Decimal) else delta


def of_json(value: Any) -> tuple[Any, bool]:
    """Return a delta from its JSON value, sealed or not, and whether stamps tell its place. Raises ValueError."""
    depth = 0
    while isinstance(value, list) and len(value) == 1:
        [value], depth = value, depth + 1
    if isinstance(value, int) and not isinstance(value, bool):
        return value, depth < 2
    try:
        delta = decimal.Decimal(value) if isinstance(value, str) else None
    except decimal.InvalidOperation:
        delta = None
    if delta is None or not delta.is_finite():
        raise ValueError("no increment")
    return delta, depth < 2


def steps(changes: Changes) -> list[tuple[int, Any, bool]]:
    """Return what a row gets by its stamp, the oldest rows first: below which stamp, what, and whether it is added."""
    return [_step(changes[place:]) for place in range(len(changes))]


def _step(rest: tuple[Change, ...]) -> tuple[int, Any, bool]:
    change, *others = rest
    if change.adds:
        return change.first, to_json(total(each.value for each in rest)), True
    value = change.value
    for each in others:
        value = add(value, each.value)
    return change.first, value, False


def most_steps(batch: Iterable[Mapping[str, tuple[int, Any]]]) -> dict[str, int]:
    """Return for each field with increments in it how many of them have stamps of their own, at most, in one row."""
    most: dict[str, int] = {}
    for fields in batch:
        for name, (_, value) in fields.items():
            if type(value) is Changes:
                most[name] = max(most.get(name, 0), sum(change.adds for change in value))
    return most


def over(waiting: Any, value: Any, stamp: int) -> Any:
    """Return what waits for a field; of increments, what they make of a row's value."""
    return waiting.over(value, stamp) if type(waiting) is Changes else waiting


def over_all(newer: dict[str, Any], values: Mapping[str, Any], stamp: int) -> dict[str, Any]:
    """Put in the place of increments what they make of the values of a row."""
    for name, value in newer.items():
        if type(value) is Changes:
            newer[name] = value.over(values[name], stamp)
    return newer
