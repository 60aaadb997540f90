"""What an instance carries from one save to the next: what it has seen of its row, and the steps under way."""

from dataclasses import dataclass
from typing import Any

from cachedemo.protocol.codec import STAMP
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.protocol.synchronous import WRITE as WRITE

# In the __dict__ of an instance: while it is being saved, while it is being deleted, and from a save until its commit.
DELETION = "_cachedemo_deletion"
_SEEN = "_cachedemo_seen"


@dataclass
class Guard:
    """A save under way.

    Attributes:
        write: its steps.
        seen: the newest stamp that the row may have, because the instance has seen it.
        own: the stamp of an earlier save in the same transaction, which nobody else has seen yet.
        written: whether the statement was sent; from then on it is not known for certain that nothing was written.
    """

    write: DatabaseWrite
    seen: int
    own: int
    written: bool = False


def seen_by(instance: Any) -> int:
    """Return the newest stamp whose write the instance has seen.

    That is its `cache_stamp`, but for one that has been saved in a transaction: what it says of itself counts only
    once it is committed, or a rollback would make it claim to have seen what others wrote meanwhile.
    """
    seen: int = instance.__dict__.get(_SEEN, instance.__dict__.get(STAMP, 0))
    return seen


def remember(instance: Any, seen: int) -> None:
    """Keep what the instance has seen apart from its `cache_stamp`."""
    instance.__dict__[_SEEN] = seen


def committed(instance: Any) -> None:
    """Its `cache_stamp` is the row's again."""
    instance.__dict__.pop(_SEEN, None)
