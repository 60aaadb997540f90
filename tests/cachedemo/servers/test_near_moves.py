"""Copies, and whom the process listens to: a primary that is one no more, a hash slot on its way, a server lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from cachedemo.embedded.server import HOST, EmbeddedServer
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers.roles import CACHE
from tests import near_notes
from tests.clusters import Cluster, half_moved, moved
from tests.failover import cache_with_replica
from tests.faults.test_refusing_servers import STATES
from tests.helpers import past_cachedemo, until
from tests.near_notes import copied
from tests.notes.models import Note
from tests.sentinels import guarded
from tests.servers import paused

MANY = range(1, 31)  # rows enough for every primary of a cluster to have some


@pytest.fixture
def near(notes: Any) -> Iterator[Any]:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0") for pk in MANY if pk > 2])
    with near_notes.registered() as near:
        yield near


def title(near: Any, pk: int = 1) -> Any:
    return json.loads(near.read(pk).body)["title"]


def written_elsewhere(near: Any, client: Any, pk: int = 1) -> None:
    """Let another process have written a row: the database has it, and the slot is empty."""
    past_cachedemo(Note).filter(pk=pk).update(title="a1")
    client.pipeline(transaction=False).execute_command("ASKING").delete(near.table.slots.key(pk)).execute(False)


def test_a_copy_counts_no_more_once_commands_go_to_another_server(near: Any) -> None:
    """The connection that was listened to may go on: what it says is what the server before says."""
    copied(near, 1)
    CACHE._let_go()
    assert near.read(1).origin == "cache"
    copied(near, 1)
    assert COPIES.by_key[near.table.slots.key(1)].route is CACHE.route


@pytest.mark.parametrize("state", ["too few replicas", "snapshots that fail"])
def test_copies_of_a_server_that_takes_no_writes_are_none(
    near: Any, redis_cache: redis.Redis, cache_server: Any, state: str
) -> None:
    """Nobody can empty a slot there, so nobody would be told of what is written elsewhere."""
    copied(near, 1)
    with redis_cache.client() as alone, STATES[state](alone, cache_server):
        past_cachedemo(Note).filter(pk=1).update(title="a1")
        until(lambda: title(near) == "a1")


def test_copies_of_a_server_whose_replica_takes_over_are_none(near: Any, settings: Any, tmp_path: Any) -> None:
    with cache_with_replica(settings, tmp_path) as replica:
        copied(near, 1)
        replica.receives()
        replica.takes_over()
        assert near.read(1).origin != "near"
        copied(near, 1)
        written_elsewhere(near, replica.client)
        until(lambda: title(near) == "a1")


@pytest.mark.parametrize("read_only", ["yes", "no"])
def test_a_primary_that_was_made_a_replica_is_not_listened_to(
    near: Any, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, read_only: str
) -> None:
    """Its connections go on, and it tells of what its new primary sends: of what was acknowledged, too late."""
    monkeypatch.setattr(CACHE, "look_again", lambda: None)  # which would find out too, a second later
    with EmbeddedServer(tmp_path / "a") as server, EmbeddedServer(tmp_path / "b") as other:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis://{HOST}:{server.port}/0"}
        copied(near, 1)
        [listener] = COPIES.listeners()
        redis.Redis(port=server.port).config_set("replica-read-only", read_only)  # else it says that it takes no writes
        redis.Redis(port=server.port).replicaof(HOST, other.port)
        until(lambda: listener.feed is None)
        assert not COPIES.by_key
        until(lambda: "replica" in listener.problem)


@pytest.mark.timeout(120)
def test_the_primary_that_sentinels_name_is_listened_to(near: Any, settings: Any, tmp_path: Any) -> None:
    with guarded(tmp_path) as servers:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": servers.url()}
        copied(near, 1)
        primary = servers.primary()
        with paused(primary.pid):
            until(lambda: not COPIES.by_key)
            until(lambda: servers.primary() is not primary, 30)
            until(lambda: near.read(1).origin == "cache", 30)
            until(lambda: near.read(1).origin == "near", 30)
            written_elsewhere(near, redis.Redis(port=servers.primary().port))
            until(lambda: title(near) == "a1")


def of(cluster: Cluster, near: Any, server: EmbeddedServer) -> tuple[int, int]:
    """Return a row whose slot a server has, and one whose slot it has not."""
    theirs = [pk for pk in MANY if cluster.primary_of(near.table.slots.key(pk)) is server]
    return theirs[0], next(pk for pk in MANY if pk not in theirs)


def test_a_hash_slot_on_its_way_is_not_copied(near: Any, cluster: Cluster) -> None:
    """Some of its keys are with another server already, and the one that is listened to does not tell of these."""
    copied(near, 1)
    key = near.table.slots.key(1)
    with half_moved(cluster, key, key):
        until(lambda: any("being moved" in each.problem for each in COPIES.listeners()))
        assert [near.read(1).origin, near.read(1).origin] == ["cache", "cache"]
        [target] = [node for node in cluster.primaries_now() if key.encode() in cluster.client(node).scan_iter("*{1}")]
        written_elsewhere(near, cluster.client(target))
        assert title(near) == "a1"
    until(lambda: near.read(1).origin == "near", 20)
    assert title(near) == "a1"


def test_a_hash_slot_that_has_moved_is_listened_to_where_it_is(near: Any, cluster: Cluster) -> None:
    copied(near, 1)
    key = near.table.slots.key(1)
    with moved(cluster, key) as target:
        written_elsewhere(near, cluster.client(target))
        until(lambda: title(near) == "a1")
        until(lambda: near.read(1).origin == "near", 20)
        assert COPIES.by_key[key].server.address.endswith(str(target.port))
        assert title(near) == "a1"


def test_a_server_of_a_cluster_that_is_lost_takes_its_own_copies_along(near: Any, cluster: Cluster) -> None:
    lost = cluster.primary_of(near.table.slots.key(1))
    theirs, other = of(cluster, near, lost)
    copied(near, theirs, other)
    lost.kill()
    until(lambda: near.table.slots.key(theirs) not in COPIES.by_key)
    assert near.read(theirs).origin != "near"
    copied(near, other)
    until(lambda: cluster.primary_of(near.table.slots.key(theirs)) is not lost, 60)
    until(lambda: near.read(theirs).origin == "near", 30)
    assert COPIES.by_key[near.table.slots.key(theirs)].server.address.endswith(
        str(cluster.primary_of(near.table.slots.key(theirs)).port)
    )
