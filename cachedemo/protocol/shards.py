"""In how many shards a queue is kept, and which shard has a row: by the text of its key, alike in every process."""

import json
import zlib
from typing import Any, NamedTuple

from cachedemo.exceptions import QueueUnavailable

MOST = 1024
NOT_OPEN = b'{"shards": null}'  # as lua/moved_shard.lua says it
CHANGING, TAKING_BACK, OPENED = "changing", "taking back", "opened"


class Moved(QueueUnavailable):
    """Raised when a shard is not current any more, or not yet: there is another number of shards."""


class Shards(NamedTuple):
    """What stands in the queue, at `{flush:users}:shards`, of how many shards there are.

    Attributes:
        number: how many are current.
        to: how many there will be, or have been; `number` while nothing is under way.
        state: CHANGING, TAKING_BACK, OPENED (`number` are current now, and perhaps not open yet) or "".
        run: grows with each attempt; a shard refuses the steps of one that is lower than it has seen.
    """

    number: int = 1
    to: int = 1
    state: str = ""
    run: int = 0

    @property
    def written(self) -> bytes:
        return json.dumps({"shards": self.number, "to": self.to, "state": self.state, "run": self.run}).encode()


def parse(raw: bytes | None) -> Shards:
    """Return what stands there; one shard if nothing does, or nothing that can be read."""
    try:
        said = json.loads(raw or b"{}")
        found = Shards(int(said["shards"]), int(said["to"]), str(said["state"]), int(said["run"]))
    except (ValueError, TypeError, KeyError):
        return Shards()
    return found if 1 <= found.number <= MOST else Shards()


def note(found: Shards) -> bytes:
    """Return what stands at a queue of one shard that is not current: it is told in the place of everything else."""
    return json.dumps({"shards": found.number, "run": found.run}).encode()


def is_moved(told: Any) -> bool:
    """Whether an answer says that the shard is not current."""
    return isinstance(told, bytes) and told.startswith(b'{"shards"')


def names(name: str, count: int) -> list[str]:
    """Return the names of the shards: `flush:users` alone, or `flush:users#0/4` and so on.

    The number of shards is in the name, so whoever names a shard says what it takes for current.
    """
    return [name] if count == 1 else [f"{name}#{each}/{count}" for each in range(count)]


def whole(name: str) -> str:
    """Return the name of the queue that a shard is of."""
    before, _, shard = name.rpartition("#")
    return before if before and shard.replace("/", "", 1).isdecimal() else name


def place(pk: Any, count: int) -> int:
    """Return which of the shards has a row."""
    return zlib.crc32(str(pk).encode(errors="surrogatepass")) % count if count > 1 else 0
