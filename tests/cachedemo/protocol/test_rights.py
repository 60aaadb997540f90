"""Limited users of the servers: what docs/deploying.md allows is enough, and needed; what is missing is said."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.test import Client

from cachedemo import Pattern, registry
from cachedemo.exceptions import CachedemoError, QueueUnavailable
from cachedemo.operations import audit, keyspace, startup, workers
from cachedemo.protocol import operated_queue, queue, rights
from cachedemo.servers import roles
from cachedemo.servers.roles import CACHE, QUEUE
from tests.environment import ROOT
from tests.servers import forbidden, servers_of
from users.models import User

pytestmark = pytest.mark.usefixtures("people")

# Used where a database has another number; by a sweep of hints or of all slots; by statistics once a while; and on the
# operators' pages by what has a confirmation. PING the cache is sent by who listens for copies only.
SELDOM = {"select", "scan", "smembers", "zrange", "hincrby", "expire", "hlen", "hmget", "randomkey", "ping"}
SELDOM |= {"flushdb", "getrange", "pexpire", "type", "memory|usage", "pttl"}


def documented() -> dict[tuple[str, str], str]:
    """Return the ACLs of docs/deploying.md: (role, kind) -> rules."""
    text = (ROOT / "docs" / "deploying.md").read_text()
    found = re.findall(r"^ACL SETUSER (\w+)-on-(\w+) (.+)$", text, re.MULTILINE)
    return {(role, kind): rules for kind, role, rules in found}


def documented_on_a_cluster() -> list[str]:
    """Return what docs/deploying.md has added on a cluster."""
    text = " ".join((ROOT / "docs" / "deploying.md").read_text().split())
    return re.findall(r"on a cluster `([^`]+)`", text)[0].split()


def test_that_not_even_the_question_is_allowed_is_a_sentence(redis_cache: Any, settings: Any, capsys: Any) -> None:
    with forbidden(redis_cache, settings, "CACHE_URL", "evalsha"):
        call_command("cache_ping")
    assert "no permissions to run the 'evalsha' command" in capsys.readouterr().out


@pytest.mark.parametrize("kind", rights.KINDS)
@pytest.mark.parametrize("role", [CACHE, QUEUE], ids=lambda role: role.name)
def test_the_documented_acl_is_what_is_needed(role: Any, kind: str) -> None:
    rules = documented()[role.name, kind].split()
    assert [each[1:] for each in rules if each.startswith("+")] == rights.needed(role, kind)
    assert rules[:2] == ["on", ">…"]


@pytest.fixture
def limited(redis_cache: redis.Redis, redis_queue: redis.Redis, settings: Any) -> Iterator[Any]:
    """`limited("web")`: both URLs have a user with the documented rights of that kind."""
    servers = {"cache": redis_cache, "queue": redis_queue}

    def limit(kind: str) -> None:
        urls = {}
        for role, server in servers.items():
            rules = documented()[role, kind].replace(">…", ">x").split()
            rules += documented_on_a_cluster() if isinstance(server, redis.RedisCluster) else []
            for each in servers_of(server):
                _limit(each, rules)
            setting = f"{role.upper()}_URL"
            urls[setting] = settings.CACHEDEMO[setting].replace("://", "://few:x@")
        settings.CACHEDEMO = {**settings.CACHEDEMO, **urls}
        roles.reset()
        registry.forget_announcements()

    yield limit
    for server in servers.values():
        for each in servers_of(server):
            each.execute_command("ACL", "DELUSER", "few")


def _limit(server: redis.Redis, rules: list[str]) -> None:
    server.execute_command("ACL", "SETUSER", "few", "reset", *rules)
    server.execute_command("ACL", "LOG", "RESET")
    server.script_flush()
    server.config_resetstat()


# Asked by each process at its start or on each connection, which goes on without an answer.
NOT_NEEDED = {"client|setinfo", "config|get"}


def refused(server: redis.Redis) -> set[str]:
    return {entry["object"] for each in servers_of(server) for entry in each.acl_log()} - NOT_NEEDED


def used(server: redis.Redis) -> set[str]:
    told = [each.info("commandstats") for each in servers_of(server)]
    names = {name.removeprefix("cmdstat_") for stats in told for name in stats}
    return names - {
        "acl|log",
        "acl|setuser",
        "config|resetstat",
        "script|flush",
        "auth",
        "hello",
        "client|setinfo",
        "client|setname",
    }


def serve(users: Any) -> None:
    """Do what web processes do: read and write in each pattern, and ask whether the servers answer."""
    startup.announce_all()
    for server in (*CACHE.servers(), *QUEUE.servers()):
        server.ping()
    for pattern in Pattern:
        users.via(pattern).update(1, name=f"by {pattern}")
        assert users.get(1).name == f"by {pattern}"
    users.get_many([1, 2, 3])
    assert users.get_by(email="bob@example.com").pk == 2
    created = users.create(name="New", email="new@example.com")
    User.objects.filter(pk=created.pk).update(name="Newer")
    users.delete(created.pk)
    users.evict([2])
    row = User.objects.get(pk=3)
    row.name = "saved"
    row.save()


def work(users: Any) -> None:
    """Do what a worker does."""
    users.drain(timeout=5)
    workers.say()
    workers.leave()
    keyspace.keep()
    audit.audit(users, 10)


def operate(client: Client) -> None:
    for path in ("", "server/", "keys/", "queue/", "versions/"):
        assert client.get(f"/admin/cachedemo/cache/{path}").status_code == 200
    call_command("cache_ping")


def test_web_processes_get_by_with_their_rights(users: Any, limited: Any, redis_cache: Any, redis_queue: Any) -> None:
    limited("web")
    serve(users)
    assert refused(redis_cache) == refused(redis_queue) == set()


def test_workers_get_by_with_theirs(users: Any, limited: Any, redis_cache: Any, redis_queue: Any) -> None:
    limited("worker")
    serve(users)
    work(users)
    assert refused(redis_cache) == refused(redis_queue) == set()


def test_operators_get_by_with_theirs(
    users: Any, limited: Any, redis_cache: Any, redis_queue: Any, admin_client: Client, settings: Any
) -> None:
    limited("operator")
    serve(users)
    operate(admin_client)
    assert refused(redis_cache) == refused(redis_queue) == set()


OF_SCRIPTS = {
    rights.WEB: queue._OF_WRITERS,
    rights.WORKER: (queue._claim, queue._ack, queue._release, queue._reap, queue._paid, queue._park),
    rights.OPERATOR: (
        operated_queue._retry,
        operated_queue._discard,
        operated_queue._close,
        operated_queue._end_closing,
    ),
}


@pytest.mark.skipif("config.getoption('--cluster')", reason="there a few rows are a GET each")
@pytest.mark.parametrize("kind", rights.KINDS)
def test_each_right_is_used(
    users: Any, limited: Any, redis_cache: Any, redis_queue: Any, admin_client: Client, kind: str
) -> None:
    limited(kind)
    serve(users)
    if kind != rights.WEB:
        work(users)
    if kind == rights.OPERATOR:
        operate(admin_client)
    kinds = rights.KINDS[: rights.KINDS.index(kind) + 1]
    by_scripts = {command for each in kinds for script in OF_SCRIPTS[each] for command in script.commands}
    assert set(rights.needed(CACHE, kind)) - used(redis_cache) - SELDOM == set()
    assert set(rights.needed(QUEUE, kind)) - used(redis_queue) - by_scripts - SELDOM == set()


def half_a_row(redis_queue: redis.Redis) -> list[bytes]:
    return list(redis_queue.scan_iter("{flush:users}:row:*"))


@pytest.mark.parametrize("command", ["zadd", "hset", "rpush", "set"])
def test_where_a_write_would_stop_halfway_it_does_not_begin(
    users: Any, redis_queue: redis.Redis, settings: Any, command: str
) -> None:
    with forbidden(redis_queue, settings, "QUEUE_URL", command):
        registry.forget_announcements()
        with pytest.raises(QueueUnavailable, match=rf"forbids this user {command.upper()} for the keys of flush:users"):
            users.via("write-behind").update(1, name="half")
    assert half_a_row(redis_queue) == []
    assert User.objects.get(pk=1).name == "Alice Singh"


def test_a_user_who_may_not_touch_the_keys_of_the_queue_is_told(
    users: Any, redis_queue: redis.Redis, settings: Any
) -> None:
    with forbidden(redis_queue, settings, "QUEUE_URL"):
        for server in servers_of(redis_queue):
            server.execute_command("ACL", "SETUSER", "limited", "resetkeys", "~flush:*", "~{tables}*")
        registry.forget_announcements()
        with pytest.raises(CachedemoError, match="give it the rights"):
            users.via("write-behind").update(1, name="half")
    assert half_a_row(redis_queue) == []


def told_by_cache_ping(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("cache_ping")
    return " ".join(capsys.readouterr().out.split())


def test_cache_ping_names_what_is_missing_and_who_needs_it(
    redis_queue: redis.Redis, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with forbidden(redis_queue, settings, "QUEUE_URL", "lpop"):
        assert "The queue server forbids this user LPOP: workers need that." in told_by_cache_ping(capsys)


def test_and_so_it_does_for_the_cache(
    redis_cache: redis.Redis, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with forbidden(redis_cache, settings, "CACHE_URL", "slowlog", "unlink"):
        said = told_by_cache_ping(capsys)
    assert "The cache server forbids this user UNLINK: every process needs that." in said
    assert "The cache server forbids this user SLOWLOG GET: operators need that." in said
