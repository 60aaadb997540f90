"""The settings of the two connections: they reach the client, and a wrong one is a sentence."""

import socket

import pytest
from django.core.exceptions import ImproperlyConfigured

from cachedemo import Pattern, conf
from cachedemo.protocol import transactions
from cachedemo.servers import roles
from cachedemo.servers.client import connect


@pytest.mark.parametrize("name", ["CONNECT_TIMEOUT", "TIMEOUT", "BREAKER_PAUSE"])
@pytest.mark.parametrize("value", [0, -1, "1", None, True, float("inf"), float("nan"), 1e300])
def test_what_is_no_number_of_seconds_is_refused(settings, name, value):
    refused(settings, name, value, "write a number of seconds above 0")


@pytest.mark.parametrize("name", ["POOL_SIZE", "BREAKER_FAILURES", "NEAR_ENTRIES", "NEAR_BYTES"])
@pytest.mark.parametrize("value", [0, 1.5, "9", True])
def test_what_is_no_whole_number_is_refused(settings, name, value):
    refused(settings, name, value, "write a whole number from 1 on")


@pytest.mark.parametrize("value", [-1, "200", None, float("inf"), float("nan"), 1e300])
def test_what_is_no_number_of_milliseconds_is_refused(settings, value):
    refused(settings, "SOURCE_LATENCY_MS", value, "write a number of milliseconds from 0 on")
    with pytest.raises(ImproperlyConfigured, match="milliseconds"):
        transactions.trip("default")


def test_what_only_a_server_that_is_away_would_show_is_refused_before(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "BREAKER_PAUSE": "0.5"}
    with pytest.raises(ImproperlyConfigured, match="BREAKER_PAUSE"):
        roles.CACHE.command("PING")


def test_an_option_of_none_is_as_good_as_not_there(settings):
    nothing = {"password": None, "username": None, "ssl_ca_certs": None}
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_OPTIONS": nothing}
    assert roles.CACHE.command("PING")


def test_what_is_neither_true_nor_false_is_refused(settings):
    refused(settings, "KEEPALIVE", "yes", "write True or False")


SWITCHES = [name for name, default in conf.DEFAULTS.items() if type(default) is bool]


@pytest.mark.parametrize("value", ["False", "", 0, None])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_text_is_not_taken_for_true_wherever_it_is_asked_for(settings, name, value):
    """An environment has texts only, and servers run no checks."""
    settings.CACHEDEMO = {**settings.CACHEDEMO, name: value}
    with pytest.raises(ImproperlyConfigured, match="write True or False"):
        conf.get(name)


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", conf._PATTERNS)
def test_what_is_neither_on_nor_off_reads_and_writes_nothing(settings, notes, pattern):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": "False"}
    for call in (lambda: notes.get(1), lambda: notes.via(pattern).update(1, title="new"), conf.is_enabled):
        with pytest.raises(ImproperlyConfigured, match=r"'ENABLED'. is 'False'"):
            call()


def refused(settings, name, value, words):
    settings.CACHEDEMO = {**settings.CACHEDEMO, name: value}
    with pytest.raises(ImproperlyConfigured, match=words) as error:
        conf.get_valid(name)
    assert str(error.value).startswith(f"CACHEDEMO['{name}'] is ")


def test_the_client_has_what_is_set(settings):
    ours = {"CONNECT_TIMEOUT": 0.7, "TIMEOUT": 2.5, "POOL_SIZE": 7, "KEEPALIVE": False}
    settings.CACHEDEMO = {**settings.CACHEDEMO, **ours}
    pool = roles.cache().connection_pool
    known = {name: pool.connection_kwargs[name] for name in ("socket_connect_timeout", "socket_timeout")}
    assert known == {"socket_connect_timeout": 0.7, "socket_timeout": 2.5}
    assert pool.max_connections == 7
    assert pool.connection_kwargs["socket_keepalive"] is False


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system does not say how long it waits")
@pytest.mark.parametrize("role", [roles.CACHE, roles.QUEUE], ids=lambda role: role.name)
def test_an_idle_connection_is_probed_before_a_firewall_forgets_it(role, settings):
    pool = connect(settings.CACHEDEMO[f"{role.name.upper()}_URL"]).connection_pool
    opened = pool.get_connection()
    try:
        tcp = opened._sock
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
    finally:
        opened.disconnect()


def test_a_socket_file_has_no_keepalive(settings, tmp_path):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"unix://{tmp_path}/none.sock"}
    with pytest.raises(roles.CACHE.unavailable):
        roles.CACHE.command("PING")


def test_the_breaker_opens_after_as_many_failures_as_are_set(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "BREAKER_FAILURES": 1, "BREAKER_PAUSE": 60}
    roles.CACHE.breaker.note(roles.redis.ConnectionError("gone"))
    assert roles.CACHE.breaker.state == "open"


def test_the_setting_knows_every_pattern():
    assert set(conf._PATTERNS) == set(Pattern)
