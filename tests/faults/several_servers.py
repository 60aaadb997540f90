"""The faults of a role that several servers have: a replica takes the place of a primary, and may lack something."""

from collections.abc import Callable
from typing import Any, Protocol

from cachedemo.embedded.server import EmbeddedServer
from tests.clusters import Cluster
from tests.faults import injectors
from tests.faults.moments import Fault, Moments
from tests.helpers import until
from tests.sentinels import REPLICAS, Guarded
from tests.servers import paused

PATIENCE = 60.0  # seconds until all servers are in step again
CUT_OFF_FOR = 2.0  # seconds
ROWS = range(1, 9)  # half of all operations are about these
KEYS = {"cache": [f"v1:note:{{{row}}}" for row in ROWS], "queue": ["flush:notes", "flush:users"]}


class Servers(Protocol):
    """Servers of one role: `ClusterServers` and `GuardedServers` have them."""

    role: str

    def primary(self) -> EmbeddedServer:
        """Return one of those that are asked."""

    def is_replaced(self, server: EmbeddedServer) -> bool:
        """Whether another one has taken its place."""

    def promote(self) -> None:
        """Have a replica take the place of a primary that is well; return once it has."""

    def back(self, server: EmbeddedServer) -> None:
        """Start a server that was killed."""

    def is_whole(self) -> bool:
        """Whether all servers run and are in step."""


def faults_of(servers: Servers, moments: Moments) -> dict[str, Fault]:
    """Return what can happen to any of them, by name."""
    found = {
        "a primary killed": lambda: _killed(servers, moments.a_moment),
        "a primary killed and replaced": lambda: _killed(servers, None),
        "a primary cut off and killed": lambda: _cut_off_and_killed(servers, moments),
        "a primary paused": lambda: _paused(servers, moments.a_while),
        "a primary paused and replaced": lambda: _paused(servers, None),
        "a replica takes over": lambda: _taken_over(servers),
        "SCRIPT FLUSH in a loop": lambda: injectors.forget_scripts(servers.primary(), moments.a_moment),
    }
    if servers.role == "cache":
        found["FLUSHDB in a loop"] = lambda: injectors.flush_database(servers.primary(), moments.a_moment)
    return {name: Fault(make, parts=True) for name, make in found.items()}


def kills_of(servers: Servers, moments: Moments) -> list[Callable[[], object]]:
    return [
        lambda: _killed(servers, moments.a_moment),
        lambda: _killed(servers, None),
        lambda: _cut_off_and_killed(servers, moments),
    ]


def _killed(servers: Servers, wait: injectors.Wait | None) -> None:
    """Kill a primary, and have it back after a while or once another has taken its place."""
    server = servers.primary()
    server.kill()
    _come_back(servers, server, wait)


def _cut_off_and_killed(servers: Servers, moments: Moments) -> None:
    """No replica has what its clients were told last."""
    server = servers.primary()
    injectors.cut_off_replicas(server)
    moments.past(CUT_OFF_FOR)
    server.kill()
    _come_back(servers, server, None)


def _come_back(servers: Servers, server: EmbeddedServer, wait: injectors.Wait | None) -> None:
    _wait(servers, server, wait)
    servers.back(server)
    until(servers.is_whole, PATIENCE)


def _paused(servers: Servers, wait: injectors.Wait | None) -> None:
    """When it goes on, it takes itself for the primary that it was, until the others tell it."""
    server = servers.primary()
    assert server.pid
    with paused(server.pid):
        _wait(servers, server, wait)
    until(servers.is_whole, PATIENCE)


def _taken_over(servers: Servers) -> None:
    servers.promote()
    until(servers.is_whole, PATIENCE)


def _wait(servers: Servers, server: EmbeddedServer, wait: injectors.Wait | None) -> None:
    if wait is None:
        until(lambda: servers.is_replaced(server), PATIENCE)
    else:
        wait()


class ClusterServers:
    """The cache or the queue on a Redis Cluster."""

    replicas = 1

    def __init__(self, role: str, cluster: Cluster, moments: Moments) -> None:
        self.role = role
        self.cluster = cluster
        self.moments = moments
        self.is_whole, self.is_replaced = cluster.is_whole, cluster.is_replaced

    def close(self) -> None:
        pass

    @property
    def url(self) -> str:
        return self.cluster.url

    def faults(self, moments: Moments) -> dict[str, Fault]:
        return faults_of(self, moments) | {"a hash slot moved": Fault(lambda: self.cluster.move(self._key()))}

    def kills(self, moments: Moments) -> list[Callable[[], object]]:
        return kills_of(self, moments)

    def _key(self) -> str:
        return self.moments.chance.choice(KEYS[self.role])

    def primary(self) -> EmbeddedServer:
        return self.cluster.primary_of(self._key())

    def promote(self) -> None:
        server = self.primary()
        self.cluster.promote_replica_of(server)
        until(lambda: self.is_replaced(server), PATIENCE)

    def back(self, server: EmbeddedServer) -> None:
        server.start()


class GuardedServers:
    """The cache or the queue behind sentinels."""

    replicas = REPLICAS  # all, since any may be promoted, while a server that was taken for dead still has the others

    def __init__(self, role: str, guarded: Guarded) -> None:
        self.role = role
        self.guarded = guarded
        self.primary, self.back, self.is_whole = guarded.primary, guarded.restart, guarded.is_whole

    def close(self) -> None:
        pass

    @property
    def url(self) -> str:
        return self.guarded.url()

    def faults(self, moments: Moments) -> dict[str, Fault]:
        return faults_of(self, moments) | {"two sentinels paused": Fault(lambda: self._pause_two(moments), parts=True)}

    def kills(self, moments: Moments) -> list[Callable[[], object]]:
        return kills_of(self, moments)

    def is_replaced(self, server: EmbeddedServer) -> bool:
        return self.guarded.primary() is not server

    def promote(self) -> None:
        server = self.primary()
        until(lambda: self.guarded.fail_over(), PATIENCE)
        until(lambda: self.is_replaced(server), PATIENCE)

    def _pause_two(self, moments: Moments) -> None:
        """No majority is left to say who is the primary."""
        pids: Any = [int(sentinel.info("server")["process_id"]) for sentinel in self.guarded.sentinels[:2]]
        with paused(pids[0]), paused(pids[1]):
            moments.past(3.0)
        until(self.is_whole, PATIENCE)
