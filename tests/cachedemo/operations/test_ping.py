"""`manage.py cache_ping`: PONG for each role, or a sentence that says what is wrong and how to fix it."""

import contextlib
import os
import re
import signal
import subprocess

import pytest
import redis
from django.core.management import CommandError, call_command

from cachedemo.embedded.binary import find_server
from cachedemo.embedded.server import EmbeddedServer, ends_with_this_process, free_port
from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers import greeting, roles
from cachedemo.servers.scripts import Script
from tests.helpers import until
from tests.servers import configured

CLUSTER_PORTS = 55_536  # a cluster node takes its port plus 10,000 too


@pytest.fixture
def point_cache_to(settings):
    def point(url):
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}

    return point


@pytest.fixture
def server(tmp_path):
    """`server(maxmemory="2mb")` is a server of the test's own."""
    started = []

    def start(**options):
        started.append(EmbeddedServer(tmp_path / str(len(started)), **options))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def without(server, tmp_path):
    """`without("INFO")` is a server that was made to forget a command, as hosted ones often are."""

    def start(command):
        renamed = tmp_path / "renamed.conf"
        renamed.write_text(f'rename-command {command} ""\n')
        return server(include=str(renamed))

    return start


def pings(server):
    with contextlib.suppress(redis.ConnectionError):
        return redis.Redis.from_url(server.url()).ping()
    return False


def complaint():
    with pytest.raises(CommandError) as refused:
        call_command("cache_ping")
    return str(refused.value)


def test_both_roles_answer(capsys):
    call_command("cache_ping")
    alone = r"127\.0\.0\.1:\d+/%d, primary with no replicas\n"
    assert re.fullmatch(f"cache  PONG  {alone % 0}queue  PONG  {alone % 1}", capsys.readouterr().out)


def test_replicas_and_how_far_they_lag_are_named(point_cache_to, server, capsys):
    primary, replica = server(), server()
    redis.Redis.from_url(replica.url()).replicaof("127.0.0.1", primary.port)
    until(lambda: redis.Redis.from_url(replica.url()).info("replication")["master_link_status"] == "up")
    point_cache_to(primary.url())
    until(lambda: f"replica 127.0.0.1:{replica.port} online, heard" in said_by_ping(capsys))
    assert re.search(
        rf":{primary.port}/0, primary with replica .*, heard \d s ago, \d+ bytes behind", said_by_ping(capsys)
    )


def said_by_ping(capsys):
    call_command("cache_ping")
    return capsys.readouterr().out


def test_a_queue_that_keeps_less_than_the_promise_is_told_so(redis_queue, capsys):
    with configured(redis_queue, appendfsync="everysec"):
        call_command("cache_ping")
    assert "queue  but   Up to 2 s of acknowledged writes are lost" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", "redis://localhost:99999"])
def test_a_url_that_is_none_is_named_with_the_mend(point_cache_to, url):
    point_cache_to(url)
    assert "CACHEDEMO['CACHE_URL']" in complaint()
    assert "redis://localhost:6379/0" in complaint()


def test_a_database_that_the_server_does_not_have(point_cache_to, server):
    point_cache_to(server().url(99))
    assert "DB index is out of range" in complaint()


def test_nobody_listens(point_cache_to, capsys):
    point_cache_to(f"redis://127.0.0.1:{free_port()}/0")
    said = complaint()
    assert "cannot be reached: start it (`redis-server`), or correct the URL" in said
    assert "CACHE_URL" in said
    assert "queue  PONG" in capsys.readouterr().out, "the other role is still asked"


def test_a_server_that_is_no_sentinel_is_told_from_one_that_forbids_a_command(point_cache_to, server, users, people):
    point_cache_to(f"redis+sentinel://127.0.0.1:{server().port}/main/0")
    assert "is asked for at a server that is no sentinel: name the sentinels' own ports" in complaint()
    assert "rename-command" not in complaint()
    with pytest.raises(CacheUnavailable) as raised:
        roles.CACHE.command("PING")
    assert not raised.value.forbidden
    assert users.get(1).name == "Alice Singh"


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
def test_a_file_that_is_no_certificate_is_told(point_cache_to, server, option):
    key = f"&ssl_keyfile={__file__}" if option == "ssl_certfile" else ""
    point_cache_to(f"rediss://127.0.0.1:{server().port}/0?{option}={__file__}{key}")
    assert "with such files: correct" in complaint()
    assert option in complaint()


def test_a_wrong_password_is_not_shown(point_cache_to, server):
    protected = server(requirepass="right")
    point_cache_to(protected.url(0).replace("right", "wrong"))
    said = complaint()
    assert "refuses the password or the user" in said
    assert "wrong" not in said
    point_cache_to(protected.url(0).replace(":right@", ""))
    assert "refuses the password or the user" in complaint()


def test_out_of_memory_names_the_limit_and_the_policy(point_cache_to, server):
    full = server(maxmemory="2mb", maxmemory_policy="noeviction")
    client = redis.Redis.from_url(full.url(0))
    with contextlib.suppress(redis.exceptions.OutOfMemoryError):
        for number in range(10_000):
            client.set(f"key {number}", "x" * 1000, ex=60)
    point_cache_to(full.url(0))
    said = complaint()
    assert "is full: raise `maxmemory`" in said
    assert re.search(r"of maxmemory 2\.00M with maxmemory-policy noeviction", said)


def test_a_node_of_a_cluster_says_so(point_cache_to, server):
    port = next(port for port in iter(free_port, None) if port < CLUSTER_PORTS)
    point_cache_to(server(cluster_enabled="yes", save="", port=port).url(0))
    assert "belongs to a Redis Cluster: write redis+cluster://" in complaint()


@pytest.mark.parametrize("database", [0, 1])
def test_a_sentinel_says_so(point_cache_to, tmp_path, database):
    (tmp_path / "sentinel.conf").write_text("")
    port = free_port()
    process = subprocess.Popen(
        [find_server(), tmp_path / "sentinel.conf", "--sentinel", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        preexec_fn=ends_with_this_process(),
    )
    try:
        point_cache_to(f"redis://127.0.0.1:{port}/{database}")
        until(lambda: "is a sentinel: write redis+sentinel://" in complaint())
    finally:
        process.kill()
        process.wait()


def test_a_replica_is_read_only(point_cache_to, server, cache_server):
    replica = server()
    redis.Redis.from_url(replica.url(0)).replicaof("127.0.0.1", cache_server.port)
    point_cache_to(replica.url(0))
    assert "is a read-only replica: name the primary" in complaint()


def test_a_server_that_sleeps_does_not_answer_in_time(point_cache_to, server, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 0.2}
    sleeper = server()
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        point_cache_to(sleeper.url(0))
        assert "does not answer in time" in complaint()
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)


def test_a_server_too_old_is_named_with_its_version(monkeypatch):
    monkeypatch.setattr(greeting, "OLDEST", (99, 0))
    roles.reset()
    said = complaint()
    assert re.search(
        r"The cache server at \S+ \(CACHE_URL\) is version \d+\.\d+\.\d+: install Redis 99\.0 or newer", said
    )


def test_drain_says_what_it_did(people, capsys):
    from cachedemo import cache_for
    from users.models import User

    cache_for(User).via("write-behind").update(1, name="Al")
    call_command("cache_drain")
    assert "flush:users: 1 row flushed." in capsys.readouterr().out
    assert User.objects.get(pk=1).name == "Al"
    call_command("cache_drain")
    assert "flush:users: 0 rows flushed." in capsys.readouterr().out


def test_drain_without_a_queue_is_a_sentence(broken_queue):
    with broken_queue(), pytest.raises(CommandError, match="cannot be reached: start it"):
        call_command("cache_drain")


def test_a_command_that_the_server_was_made_to_forget_is_told_like_one_that_is_forbidden(
    point_cache_to, without, monkeypatch, capsys
):
    monkeypatch.setattr(EmbeddedServer, "answers", pings)  # the usual way asks INFO
    point_cache_to(without("INFO").url())
    call_command("cache_ping")
    assert "The cache server forbids this user INFO: every process needs that." in capsys.readouterr().out


def test_a_forgotten_command_is_a_sentence_without_a_value_of_a_row(point_cache_to, without):
    point_cache_to(without("SET").url())
    with pytest.raises(CacheUnavailable, match=r"does not know a command: .* unknown command 'SET'$") as refused:
        roles.CACHE.command("SET", "v1:note:1", "hunter2")
    assert refused.value.forbidden


def test_a_script_that_ended_at_a_forgotten_command_may_have_written(point_cache_to, without):
    point_cache_to(without("UNLINK").url())
    half = Script("half", "#!lua\nredis.call('SET', KEYS[1], '1')\nredis.call('UNLINK', KEYS[1])")
    with pytest.raises(CacheUnavailable, match="does not know a command") as refused:
        roles.CACHE.script(half, ["v1:note:1"], [])
    assert refused.value.sent
