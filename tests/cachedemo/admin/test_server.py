"""The page of the two servers: what they say of themselves, and to whom."""

from typing import Any

import redis
from django.test import Client

from cachedemo.admin import server_words
from cachedemo.servers.roles import CACHE, QUEUE
from tests.operators import client_of, operator, text, url
from tests.servers import configured


def test_both_servers_describe_themselves(client: Client, redis_cache: redis.Redis) -> None:
    seen = text(client.get(url("server")))
    assert "allkeys-lru" in seen
    assert "aof_enabled" in seen


def test_what_matters_stands_first_as_tiles_and_in_words(client: Client, redis_cache: redis.Redis) -> None:
    redis_cache.set("v2:user:of-somebody", "x", ex=60)
    redis_cache.get("v2:user:of-somebody")
    seen = text(client.get(url("server")))
    for label in ("Memory", "Hit rate of the server", "Evictions", "Clients", "Commands a second"):
        assert seen.count(f" {label} ") >= 2, label  # of each server
    assert "It keeps nothing on disk and is empty after a restart, as a cache should be." in seen
    assert "No acknowledged write is lost when the queue server is killed." in seen
    assert "A primary without replicas" in seen
    assert "The append-only file was written well" in seen
    assert seen.index("Commands a second") < seen.index("aof_enabled")


def test_no_line_of_the_servers_own_humour_is_shown(client: Client, redis_cache: redis.Redis) -> None:
    assert "Sam" not in text(client.get(url("server")))


def test_a_queue_that_has_evicted_is_red(client: Client, users: Any) -> None:
    assert server_words.tiles(QUEUE, {"evicted_keys": 3})[2].tone == "bad"
    assert server_words.tiles(CACHE, {"evicted_keys": 3})[2].tone == ""


def test_a_server_that_tells_nothing_has_no_numbers() -> None:
    assert [tile.value for tile in server_words.tiles(CACHE, {})] == ["–"] * 5
    assert server_words.sentences(CACHE, {"aof_enabled": 1, "aof_last_write_status": "err"}, {}) == [
        "The append-only file could not be written: look at its disk."
    ]


def test_replicas_are_told_in_words() -> None:
    primary = {"role": "master", "connected_slaves": 1, "master_repl_offset": 2048}
    replica = {"ip": "10.0.0.2", "port": 6390, "state": "online", "offset": 1024, "lag": 1}
    [said] = server_words.sentences(CACHE, {**primary, "slave0": replica, "aof_enabled": 1}, {})[:1]
    assert said == "A primary with the replica 10.0.0.2:6390, online, 1.0\xa0KB behind, heard 1 s ago."
    cut_off = {"role": "slave", "master_host": "10.0.0.1", "master_port": 6390, "master_link_down_since_seconds": 90}
    assert server_words.sentences(CACHE, cut_off, {"save": ""})[0] == (
        "A replica of 10.0.0.1:6390, cut off from it since 2 min."
    )


def test_slow_commands_show_arguments_to_those_who_may_inspect_keys(client: Client, redis_cache: redis.Redis) -> None:
    with configured(redis_cache, slowlog_log_slower_than=0):
        redis_cache.get("v2:user:of-somebody")
    try:
        assert "GET v2:user:of-somebody" in text(client.get(url("server")))
        seen = text(client_of(operator("view_cache", name="otto")).get(url("server")))
        assert "GET (arguments hidden)" in seen
        assert "of-somebody" not in seen
        assert "slower-than" not in text(client.get(url("server")))  # CONFIG may set a password
    finally:
        redis_cache.slowlog_reset()
