"""Whether a server still is what it was, as it says of itself: a failover need not end a connection to it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import redis

from cachedemo.servers.scripts import MAY_WRITE
from cachedemo.servers.server import Server

Questions = list[tuple[tuple[str, ...], Callable[[Any], None]]]  # a command, and what takes the answer

# An error where it takes no writes: nobody can change its keys then, so nobody would hear of what is written.
_MAY_WRITE = (("EVAL", MAY_WRITE.source, "0"), lambda answer: None)

_MYSELF = re.compile(rb"^\S+ \S+ (\S*myself\S*) \S+ \S+ \S+ \S+ \S+(.*)$", re.MULTILINE)


class Health:
    """A primary, which its replica may take the place of."""

    def questions(self) -> Questions:
        """Return what to ask of it again and again."""
        return [_MAY_WRITE, (("HELLO",), self.hello)]

    def hello(self, answer: Any) -> None:
        """Take an answer to HELLO. Raises ConnectionError where it is a replica."""
        pairs = answer.items() if isinstance(answer, Mapping) else zip(answer[::2], answer[1::2], strict=True)
        if {_text(name): _text(value) for name, value in pairs}.get("role", "master") != "master":
            raise redis.ConnectionError("Error: it is a replica now.")


class ClusterHealth:
    """One server of a cluster, and the hash slots that it had when a connection was opened."""

    def __init__(self) -> None:
        self._known: Any = None

    def questions(self) -> Questions:
        return [_MAY_WRITE, (("CLUSTER", "NODES"), self.nodes), (("CLUSTER", "INFO"), self.info)]

    def nodes(self, answer: bytes) -> None:
        """Take an answer to CLUSTER NODES. Raises ConnectionError where it is no longer what it was.

        While a hash slot is being moved, some of its keys are elsewhere, and what changes there it does not say.
        """
        found = _MYSELF.search(answer)
        said = found and (found[1], found[2].split())
        if said and any(word.startswith(b"[") for word in said[1]):
            raise redis.ConnectionError("Error: a hash slot is being moved to it or from it.")
        if self._known is None:
            self._known = said
        if said != self._known:
            raise redis.ConnectionError("Error: its hash slots have changed.")

    def info(self, answer: bytes) -> None:
        """Take an answer to CLUSTER INFO. Raises ConnectionError where the cluster is down."""
        if b"cluster_state:ok" not in answer:
            raise redis.ConnectionError("Error: its cluster is down.")


def health_of(server: Server) -> Health | ClusterHealth:
    """Return what looks after one connection to a server."""
    return ClusterHealth() if server.mode == "cluster" else Health()


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
