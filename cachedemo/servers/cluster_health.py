"""Whether a server of a cluster has the hash slots that it had, as it says of itself: it may have been cut off."""

import re
from typing import Any

import redis

_MYSELF = re.compile(rb"^\S+ \S+ (\S*myself\S*) \S+ \S+ \S+ \S+ \S+(.*)$", re.MULTILINE)


class Health:
    """What a server has said of itself since a connection was opened; it is heard of no more once that changes."""

    def __init__(self) -> None:
        self._known: Any = None

    def nodes(self, answer: bytes) -> None:
        """Take an answer to CLUSTER NODES. Raises ConnectionError where it is no longer what it was."""
        found = _MYSELF.search(answer)
        said = found and (found[1], found[2].split())
        if self._known is None:
            self._known = said
        if said != self._known:
            raise redis.ConnectionError("Error: its hash slots have changed.")

    def info(self, answer: bytes) -> None:
        """Take an answer to CLUSTER INFO. Raises ConnectionError where the cluster is down."""
        if b"cluster_state:ok" not in answer:
            raise redis.ConnectionError("Error: its cluster is down.")
