"""A cache server must forget when it restarts: one that does not is said to, and no slot outlives its TTL."""

import time

import pytest
import redis

from cachedemo import announce_all
from cachedemo.embedded.server import EmbeddedServer
from cachedemo.operations import ping
from cachedemo.servers import cache_persistence, roles
from tests.operators import client_of, operator, text, url
from tests.servers import configured, forbidden


def test_the_cache_of_the_suite_forgets():
    assert cache_persistence.of_cache() == []


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({"save": "3600 1"}, "makes snapshots (save 3600 1). After a restart what it loads from its disk may be older"),
        ({"appendonly": "yes"}, "append-only file. After a restart what it loads from its disk may be older"),
    ],
)
def test_a_cache_that_remembers_is_a_warning_with_the_mend(redis_cache, db, caplog, settings, warning):
    with configured(redis_cache, **settings):
        [said] = cache_persistence.of_cache()
        assert warning in said
        assert ": set `" in said
        assert ping.warnings(roles.CACHE) == [said]
        announce_all()
        assert said in caplog.text
        assert warning in text(client_of(operator("view_cache")).get(url("server")))


def test_a_server_that_does_not_tell_is_believed(redis_cache, settings):
    with forbidden(redis_cache, settings, "CACHE_URL", "config"), configured(redis_cache, save="3600 1"):
        assert cache_persistence.of_cache() == []


def test_one_that_does_not_tell_which_server_it_is_is_a_warning(redis_cache, settings):
    with forbidden(redis_cache, settings, "CACHE_URL", "info"):
        said = ping.warnings(roles.CACHE)
    assert any("INFO is forbidden to this user: after a failover or a restart" in each for each in said)


def test_a_cache_that_is_down_stops_no_process(cache_server, db):
    cache_server.kill()
    announce_all()


@pytest.fixture
def cache_on_disk(tmp_path, settings):
    """A cache with a snapshot at hand."""
    with EmbeddedServer(tmp_path, save="3600 1") as server:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": server.url()}
        yield server


def come_back(server):
    """From the last snapshot, however it ends."""
    server.kill()
    server.start()
    roles.reset()


def test_what_it_comes_back_with_is_not_read_and_that_is_said(notes, cache_on_disk):
    notes.get(1)
    redis.Redis.from_url(cache_on_disk.url()).save()
    notes.update(1, title="a1")
    come_back(cache_on_disk)
    assert notes.get(1).title == "a1"
    assert any("has loaded 1 keys from a dump file" in said for said in cache_persistence.of_cache())


def test_no_slot_outlives_its_ttl_on_disk(notes, cache_on_disk, monkeypatch):
    monkeypatch.setattr(notes.table.slots, "timeout", 0.2)
    notes.get(1)
    client = redis.Redis.from_url(cache_on_disk.url())
    client.save()
    client.close()
    notes.update(1, title="a1")
    time.sleep(0.3)
    come_back(cache_on_disk)
    assert notes.get(1).title == "a1"
