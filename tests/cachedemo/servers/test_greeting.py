"""Which server it is, and of which kind, as every new connection asks: what the rules of a failover stand on."""

import contextlib

import pytest
import redis

from cachedemo.embedded.server import EmbeddedServer, free_port
from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers import greeting, roles
from cachedemo.servers.roles import CACHE
from tests.failover import cache_with_replica
from tests.helpers import until
from tests.servers import forbidden


@pytest.fixture
def replica(settings, tmp_path, notes):
    with cache_with_replica(settings, tmp_path) as replica:
        notes.get(1)
        yield replica


def test_a_promotion_makes_it_another_server(notes, replica):
    before = CACHE.recognised.identity
    replica.receives()
    replica.takes_over()
    notes.get(1)
    assert CACHE.recognised.identity == replica.client.info("replication")["master_replid"][:4].encode() != before


def test_that_it_has_become_another_is_found_out_within_a_second_on_a_connection_that_stays(notes, replica):
    replica.client.replicaof("NO", "ONE")
    before = CACHE.recognised.identity
    assert before != b"none"
    replica.primary.replicaof(*replica.address_of_its_own)
    with pytest.raises(CacheUnavailable, match="is a read-only replica: name the primary"):
        until(lambda: CACHE.look_again())
    assert notes.read(1).origin == "source", "and nothing is read from it, however new that is"
    replica.primary.replicaof("NO", "ONE")
    assert notes.read(1).origin == "source"
    assert CACHE.recognised.identity != before


def test_every_second_somebody_looks(notes, replica, monkeypatch):
    looks = []
    monkeypatch.setattr(roles.Role, "look_again", lambda role: looks.append(role.name))
    notes.get(1)
    until(lambda: {"cache", "queue"} <= set(looks), timeout=5)


def test_where_the_server_does_not_tell_slots_are_read_all_the_same(notes, redis_cache, settings):
    notes.get(1)
    told = settings.CACHEDEMO
    with forbidden(redis_cache, settings, "CACHE_URL", "info"):
        assert notes.read(1).origin == "cache"
        notes.via("write-through").update(1, title="a1")
        assert notes.read(1).origin == "cache"
        assert redis_cache.get("v1:note:1")[17:18] == b"{"
    settings.CACHEDEMO = told
    roles.reset()
    assert notes.read(1).origin == "cache"


@pytest.fixture
def low_port():
    """A cluster node takes its port plus 10,000 too."""
    return next(port for port in iter(free_port, None) if port < 55_536)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cluster_enabled": "yes"}, "belongs to a Redis Cluster: write redis.cluster://"),
        ({"replicaof": "127.0.0.1 1"}, "is a read-only replica: name the primary in the URL."),
    ],
)
def test_a_server_of_another_kind_is_a_sentence_at_the_first_command(settings, tmp_path, low_port, options, said):
    with EmbeddedServer(tmp_path, port=low_port, **options) as server:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": server.url(0)}
        roles.reset()
        with pytest.raises(CacheUnavailable, match=said):
            CACHE.command("PING")
    roles.reset()


def test_a_server_that_is_too_old_is_a_sentence(monkeypatch):
    class Old:
        handshake_metadata = None

        def on_connect(self):
            self.handshake_metadata = {b"mode": b"standalone", b"role": b"master", b"version": b"6.2.14"}

    with pytest.raises(greeting.Unusable, match=r"is version 6\.2\.14: install Redis 7\.0 or newer, or Valkey"):
        greeting.greet(Old())


def test_one_without_hello_is_too_old_as_well():
    class Older:
        handshake_metadata = None

        def on_connect(self):
            raise redis.ResponseError("unknown command `HELLO`, with args beginning with: `3`, ")

    with pytest.raises(greeting.Unusable, match=r"install Redis 7\.0 or newer"):
        greeting.greet(Older())


def test_the_first_replica_makes_another_server_of_it(notes, settings, tmp_path):
    with EmbeddedServer(tmp_path / "alone") as alone:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": alone.url(0)}
        assert [notes.read(1).origin for _ in range(2)] == ["source", "cache"]
        with a_replica_of(alone, tmp_path / "first"):
            CACHE.look_again()
            assert [notes.read(1).origin for _ in range(2)] == ["source", "cache"]
        with a_replica_of(alone, tmp_path / "second"):
            CACHE.look_again()
            assert notes.read(1).origin == "cache", "another one changes nothing any more"


@contextlib.contextmanager
def a_replica_of(server, folder):
    with (
        EmbeddedServer(folder, replicaof=f"127.0.0.1 {server.port}"),
        redis.Redis(host="127.0.0.1", port=server.port) as client,
    ):
        until(lambda: client.info("replication")["connected_slaves"] == 1)
        yield
