"""Which server of a cluster has which hash slots: asked for when first needed, and again when it may hold no more."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from cachedemo.exceptions import CachedemoError, Unavailable
from cachedemo.servers import hash_slots
from cachedemo.servers.cluster_node import ClusterNode
from cachedemo.servers.hash_slots import Range
from cachedemo.servers.server import Cover
from cachedemo.servers.server_errors import Error
from cachedemo.servers.targets import Node, Target

PAUSE = 0.1  # seconds between two looks, however much fails
NOBODY: Sequence[ClusterNode | None] = (None,) * hash_slots.HOW_MANY


class ClusterMap:
    """The servers of a cluster, as one of them has last told.

    Args:
        name: of the role.
        unavailable: what to raise.
        found: where the role's URL leads.
        cover: returns what makes something to stand in for each client, if anything does now.
    """

    def __init__(self, name: str, unavailable: type[Unavailable], found: Target, cover: Callable[[], Cover]) -> None:
        self._cover = cover
        self._name, self._unavailable, self._target = name, unavailable, found
        self._nodes: dict[Node, ClusterNode] = {}
        self._owners: list[ClusterNode | None] = [None] * hash_slots.HOW_MANY
        self.ranges: list[Range] = []
        self._outdated = True
        self._looked_at = 0.0
        self._looking = threading.Lock()

    def owner(self, hash_slot: int) -> ClusterNode:
        """Return the server that has a hash slot. Raises Unavailable if nobody is known to."""
        if self._outdated:
            self.look()
        owner = self._owners[hash_slot]
        if owner is None:
            raise self.nobody(hash_slot)
        return owner

    def owners(self) -> Sequence[ClusterNode | None]:
        """Return the server of each hash slot, None where nobody is known to have it. Raises Unavailable."""
        if self._outdated:
            self.look()
        return self._owners

    def known_owners(self) -> Sequence[ClusterNode | None]:
        """Return the same without asking anybody: nobody has any where what was told may hold no more."""
        return NOBODY if self._outdated else self._owners

    def nobody(self, hash_slot: int) -> Unavailable:
        """Return what to raise for a hash slot that no server is known to have."""
        self._outdated = True
        return self._unavailable(f"No server of the cluster of the {self._name} has hash slot {hash_slot} now.")

    def primaries(self) -> Sequence[ClusterNode]:
        """Return all servers that have hash slots, in a fixed order. Raises Unavailable if none is known."""
        if self._outdated:
            self.look()
        return [self.node(*place) for place in sorted({each.primary for each in self.ranges})]

    def node(self, host: str, port: int) -> ClusterNode:
        """Return one server of the cluster, with the connections and the breaker that it has."""
        place = (host, port)
        if (node := self._nodes.get(place)) is None:
            new = ClusterNode(
                self._name, self._unavailable, self._target, host, port, self._note_outdated, self._is_asked
            )
            new.cover = self._cover()
            node = self._nodes.setdefault(place, new)  # of two threads, both take the same one
        return node

    def named(self, host: str, port: int, hash_slot: int) -> ClusterNode:
        """Return the server that a redirection names, which may be by its port only. Raises Unavailable."""
        if host and host != hash_slots.UNNAMED:
            return self.node(host, port)
        asked = self.owner(hash_slot)
        places = {each.primary for each in self.ranges if each.primary[1] == port} if host else set()
        if len(places) > 1:  # on several machines, so that only the map can tell
            self._outdated = True
            return self.owner(hash_slot)
        return self.node(*(places.pop() if places else (asked.host, port)))

    def nodes(self) -> list[ClusterNode]:
        """Return all servers that have been asked, or will be."""
        return list(self._nodes.values())

    def moved(self, hash_slot: int, node: ClusterNode) -> None:
        """Note that a server has sent us to this one for good; where one slot has moved, more will have."""
        self._owners[hash_slot] = node
        self._outdated = True

    def look(self) -> None:
        """Ask for the map, unless that was done a moment ago, or another thread does it and there is an older one.

        Raises:
            Unavailable: nobody tells, and there is none.
        """
        if not self._looking.acquire(blocking=not self.ranges):
            return
        try:
            if not self.ranges or time.monotonic() - self._looked_at > PAUSE:
                self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        problem: Exception | None = None
        for node in self._to_be_asked():
            try:
                info, answer = node.told()
            except (CachedemoError, Error) as error:
                problem = problem or error
                continue
            found = hash_slots.ranges(answer, node.host)
            if info["cluster_state"] == "ok":
                self._take(found)
                return
            problem = self._unavailable(f"The {self._name} server at {node.address} says that its cluster is down.")
        if not self.ranges:
            raise problem or self._unavailable(f"No server of the cluster of the {self._name} is known.")

    def _to_be_asked(self) -> Iterator[ClusterNode]:
        """Yield those that are known, first the ones that have answered last; then those of the URL."""
        places = [place for each in self.ranges for place in (each.primary, *each.replicas)]
        known = [self.node(*place) for place in dict.fromkeys([*places, *self._target.nodes])]
        yield from sorted(known, key=lambda node: node.breaker.troubled)

    def _take(self, found: list[Range]) -> None:
        owners: list[ClusterNode | None] = [None] * hash_slots.HOW_MANY
        for each in found:
            owners[each.first : each.last + 1] = [self.node(*each.primary)] * (each.last + 1 - each.first)
        self._owners, self.ranges = owners, found
        self._outdated = False

    def _note_outdated(self) -> None:
        self._outdated = True

    def _is_asked(self, node: ClusterNode) -> bool:
        if self.ranges:
            self.look()
        return not self.ranges or any(each.primary == (node.host, node.port) for each in self.ranges)
