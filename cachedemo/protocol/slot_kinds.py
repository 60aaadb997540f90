"""The kinds of slot, and of hint: the letter that each begins with, and what it is called."""

from typing import NamedTuple


class SlotKind(NamedTuple):
    """One kind of slot.

    Attributes:
        letter: its first byte.
        name: one word, as in docs/protocol.md.
        words: what it says of the row, for people.
    """

    letter: bytes
    name: str
    words: str


VALUE = SlotKind(b"V", "value", "a value")
MISSING = SlotKind(b"N", "missing", "“there is no such row”")
LEASE = SlotKind(b"L", "lease", "a lease: somebody is loading the row")
MARK = SlotKind(b"T", "mark", "a mark: somebody is writing the row")
HINT = SlotKind(b"K", "hint", "a hint: which row had the value when it was looked up")

_BY_LETTER = {kind.letter: kind for kind in (VALUE, MISSING, LEASE, MARK, HINT)}


def kind_of(slot: bytes) -> SlotKind | None:
    """Return the kind that the first byte of a slot names; None if cachedemo did not write it."""
    return _BY_LETTER.get(slot[:1])
