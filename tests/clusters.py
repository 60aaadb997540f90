"""A real Redis Cluster of our own: some primaries, each with a replica, from the embedded server's binary."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import redis

from cachedemo.embedded.server import HOST, EmbeddedServer, free_port
from tests.helpers import until

HASH_SLOTS = 16384
NODE_TIMEOUT = 1000  # milliseconds after which a node that is silent counts as failed
PATIENCE = 60.0
_OPTIONS = {
    "cluster_enabled": "yes",
    "cluster_node_timeout": str(NODE_TIMEOUT),
    "cluster_require_full_coverage": "no",
    "cluster_replica_validity_factor": "0",
    "repl_ping_replica_period": "1",
    "repl_diskless_sync_delay": "0",
}


class Cluster:
    """Servers in folders of their own; `nodes` are the primaries and then their replicas in the same order."""

    def __init__(
        self, folder: Path, primaries: int = 3, replicas: int = 1, role: Literal["cache", "queue"] = "cache"
    ) -> None:
        self.primaries = primaries
        count = primaries * (1 + replicas)
        self.nodes = [EmbeddedServer(folder / f"node{number}", role=role, **_OPTIONS) for number in range(count)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'{HOST}:{node.port}' for node in self.nodes)}"

    def start(self) -> None:
        """Start the servers and join them; return once every hash slot is served and every replica is in step."""
        for node in self.nodes:
            node.options["cluster-port"] = str(free_port())
            node.start()
        self._share_hash_slots()
        self._meet()
        self._replicate()
        until(self.is_whole, PATIENCE)

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def client(self, node: EmbeddedServer) -> redis.Redis:
        """Return a client of one node, whatever the others say."""
        return redis.Redis(host=HOST, port=node.port, socket_timeout=5)

    def clients(self) -> list[redis.Redis]:
        return [self.client(node) for node in self.nodes if node.is_running]

    def is_whole(self) -> bool:
        """Say whether every node that runs knows a primary for each hash slot, and is or follows one."""
        with contextlib.suppress(redis.RedisError):
            return all(map(_is_ready, self.clients())) and len(self.primaries_now()) == self.primaries
        return False

    def primary_of(self, key: str) -> EmbeddedServer:
        """Return the node that has a key now, as the others tell."""
        hash_slot = redis.crc.key_slot(key.encode())
        for client in self.clients():
            for first, last, primary, *_ in client.execute_command("CLUSTER SLOTS"):
                if first <= hash_slot <= last:
                    return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError(f"nobody has {key}")

    def primaries_now(self) -> list[EmbeddedServer]:
        return [
            node for node in self.nodes if node.is_running and self.client(node).info("replication")["role"] == "master"
        ]

    def keys(self) -> set[bytes]:
        """Return the keys of all primaries."""
        return {key for node in self.primaries_now() for key in self.client(node).scan_iter(count=1000)}

    def is_replaced(self, server: EmbeddedServer) -> bool:
        """Say whether none of the others takes a node for a primary any more."""
        others = [self.client(node) for node in self.nodes if node is not server and node.is_running]
        told = [slot for client in others for slot in client.execute_command("CLUSTER SLOTS")]
        return all(primary[1] != server.port for _, _, primary, *_ in told)

    @contextlib.contextmanager
    def without_failover(self) -> Iterator[None]:
        """No replica takes over, however long a primary is silent."""
        clients = self.clients()
        for client in clients:
            client.config_set("cluster-replica-no-failover", "yes")
        try:
            yield
        finally:
            for client in clients:
                client.config_set("cluster-replica-no-failover", "no")

    def promote_replica_of(self, primary: EmbeddedServer) -> None:
        """Have its replica take its place, as for a server that is about to be replaced."""
        [replica] = [
            client for client in self.clients() if client.info("replication").get("master_port") == primary.port
        ]
        replica.execute_command("CLUSTER FAILOVER")

    def move(self, key: str) -> None:
        """Move the hash slot of a key to another primary for good, under load, as redis-cli does."""
        hash_slot, source = redis.crc.key_slot(key.encode()), self.primary_of(key)
        target = next(node for node in self.primaries_now() if node is not source)
        one, other = self.client(source), self.client(target)
        target_id = other.execute_command("CLUSTER MYID")
        other.execute_command("CLUSTER SETSLOT", hash_slot, "IMPORTING", one.execute_command("CLUSTER MYID"))
        one.execute_command("CLUSTER SETSLOT", hash_slot, "MIGRATING", target_id)
        while keys := one.execute_command("CLUSTER GETKEYSINSLOT", hash_slot, 100):
            _migrate(one, target, keys)
        for each in (other, one):
            each.execute_command("CLUSTER SETSLOT", hash_slot, "NODE", target_id)
        until(lambda: self.primary_of(key) is target and self.is_whole(), PATIENCE)

    def kill_primary_of(self, key: str) -> EmbeddedServer:
        """Kill the primary that has a key; return it once a replica has taken its place."""
        killed = self.primary_of(key)
        killed.kill()
        until(lambda: self.primary_of(key) is not killed, PATIENCE)
        return killed

    def flush(self) -> None:
        """Empty every primary."""
        for client in self.clients():
            with contextlib.suppress(redis.ReadOnlyError):
                client.flushdb()

    def _share_hash_slots(self) -> None:
        edges = [HASH_SLOTS * number // self.primaries for number in range(self.primaries + 1)]
        for number, node in enumerate(self.nodes):
            self.client(node).execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if number < self.primaries:
                self.client(node).execute_command("CLUSTER ADDSLOTSRANGE", edges[number], edges[number + 1] - 1)

    def _meet(self) -> None:
        first = self.client(self.nodes[0])
        for node in self.nodes[1:]:
            first.execute_command("CLUSTER MEET", HOST, node.port, node.options["cluster-port"])
        until(lambda: all(_knows(client) == len(self.nodes) for client in self.clients()), PATIENCE)

    def _replicate(self) -> None:
        ids = [self.client(node).execute_command("CLUSTER MYID") for node in self.nodes]
        for number in range(self.primaries, len(self.nodes)):
            client, primary = self.client(self.nodes[number]), ids[number % self.primaries]
            until(functools.partial(_follows, client, primary), PATIENCE)


def _follows(client: redis.Redis, primary: Any) -> bool:
    """Have a node follow a primary; not possible while the two have only begun to get acquainted."""
    with contextlib.suppress(redis.ResponseError):
        return bool(client.execute_command("CLUSTER REPLICATE", primary))
    return False


def _knows(client: redis.Redis) -> int:
    return int(client.execute_command("CLUSTER INFO")["cluster_known_nodes"])


def _is_ready(client: redis.Redis) -> bool:
    about: Any = client.execute_command("CLUSTER INFO")
    replication: Any = client.info("replication")
    in_step = replication["role"] == "master" or replication["master_link_status"] == "up"
    return about["cluster_state"] == "ok" and about["cluster_slots_ok"] == str(HASH_SLOTS) and in_step


@contextlib.contextmanager
def half_moved(cluster: Cluster, key: str, *moved: str) -> Iterator[None]:
    """A hash slot on its way from its primary to another, with these keys there already; brought back at the end."""
    hash_slot = redis.crc.key_slot(key.encode())
    source = cluster.primary_of(key)
    target = next(node for node in cluster.primaries_now() if node is not source)
    one, other = cluster.client(source), cluster.client(target)
    one_id, other_id = one.execute_command("CLUSTER MYID"), other.execute_command("CLUSTER MYID")
    other.execute_command("CLUSTER SETSLOT", hash_slot, "IMPORTING", one_id)
    one.execute_command("CLUSTER SETSLOT", hash_slot, "MIGRATING", other_id)
    _migrate(one, target, moved)
    try:
        yield
    finally:
        back = other.execute_command("CLUSTER GETKEYSINSLOT", hash_slot, 1000)
        one.execute_command("CLUSTER SETSLOT", hash_slot, "STABLE")
        _migrate(other, source, back)
        other.execute_command("CLUSTER SETSLOT", hash_slot, "STABLE")


@contextlib.contextmanager
def moved(cluster: Cluster, key: str) -> Iterator[EmbeddedServer]:
    """A hash slot that another primary has, with its keys; brought back at the end."""
    source = cluster.primary_of(key)
    target = next(node for node in cluster.primaries_now() if node is not source)
    _move(cluster, key, source, target)
    try:
        yield target
    finally:
        _move(cluster, key, target, source)


def _move(cluster: Cluster, key: str, source: EmbeddedServer, target: EmbeddedServer) -> None:
    hash_slot, one, other = redis.crc.key_slot(key.encode()), cluster.client(source), cluster.client(target)
    one_id, other_id = one.execute_command("CLUSTER MYID"), other.execute_command("CLUSTER MYID")
    other.execute_command("CLUSTER SETSLOT", hash_slot, "IMPORTING", one_id)
    one.execute_command("CLUSTER SETSLOT", hash_slot, "MIGRATING", other_id)
    _migrate(one, target, one.execute_command("CLUSTER GETKEYSINSLOT", hash_slot, 1000))
    for client in (other, one):
        client.execute_command("CLUSTER SETSLOT", hash_slot, "NODE", other_id)


def _migrate(client: redis.Redis, target: EmbeddedServer, keys: Any) -> None:
    if keys:
        client.execute_command("MIGRATE", HOST, target.port, "", 0, 5000, "REPLACE", "KEYS", *keys)
