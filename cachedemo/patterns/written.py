"""What a write leaves behind."""

from typing import NamedTuple

from cachedemo.patterns import Pattern
from cachedemo.protocol.entries import Entry


class Written(NamedTuple):
    """An acknowledged write.

    Attributes:
        entry: the row as it is now.
        pattern: the way it really went.
        reason: why that is another way than asked for, in a few words; empty if it is not.
    """

    entry: Entry
    pattern: Pattern
    reason: str = ""
