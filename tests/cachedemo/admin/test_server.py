"""The page of the two servers: what they say of themselves, and to whom."""

import redis
from django.test import Client

from tests.operators import client_of, operator, text, url
from tests.servers import configured


def test_both_servers_describe_themselves(client: Client, redis_cache: redis.Redis) -> None:
    seen = text(client.get(url("server")))
    assert "allkeys-lru" in seen
    assert "aof_enabled" in seen
    assert "Sam" in seen  # the memory doctor


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
