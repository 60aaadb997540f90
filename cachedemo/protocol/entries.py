"""What a read hands out: the row as JSON bytes, how new it is and where it came from."""

from enum import StrEnum
from typing import NamedTuple


class Origin(StrEnum):
    """Where the value of a read came from."""

    CACHE = "cache"
    NEAR = "near"  # a copy in this process, which may be as many seconds behind as `near` of the registration says
    PENDING = "pending"  # the database, and over it a write that still waits for it
    SOURCE = "source"


class Entry(NamedTuple):
    """One row as it was read.

    Attributes:
        body: the row as a JSON object in UTF-8, or None if there is no such row.
        stamp: microseconds; the newest write that the body contains, 0 if none came through the cache.
        origin: where the value came from.
        slot: the bytes that stand in the cache now, as far as this reader knows; None if it put nothing there.
        ttl: milliseconds that the slot still has to live, where the reader asked for it and the cache was.
    """

    body: bytes | None
    stamp: int
    origin: Origin
    slot: bytes | None = None
    ttl: int | None = None
