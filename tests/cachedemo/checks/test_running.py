"""What servers and databases say is asked by `check --database`, and by nothing else."""

import pytest
from django.core import checks as django_checks
from django.db import connection

from cachedemo import checks
from cachedemo.protocol import versions
from cachedemo.protocol.database import reconnect
from cachedemo.servers import roles
from tests.faults.proxy import HOST, Proxy
from tests.helpers import one_shard
from tests.servers import configured

pytestmark = pytest.mark.django_db(transaction=True)
DEFAULT = ["default"]
OURS = {"cachedemo.E022", "cachedemo.E023"} | {f"cachedemo.W0{number}" for number in (27, 28, 29, 30, 31)}


def ids(messages):
    return [message.id for message in messages]


def ours(**options):
    return [message.id for message in django_checks.run_checks(**options) if message.id in OURS]


def test_the_suites_own_servers_and_database_will_do():
    assert ours(databases=DEFAULT) == []


def test_they_are_asked_only_with_database(redis_cache, monkeypatch):
    sent = []
    monkeypatch.setattr(roles.Role, "_run", lambda role, *words, **options: sent.append(role.name))
    with configured(redis_cache, save="3600 1"):
        assert ours() == ours(include_deployment_checks=True) == []
        assert not sent


def test_a_cache_that_remembers_and_a_queue_that_forgets_are_warned_of(redis_cache, redis_queue):
    with configured(redis_cache, save="3600 1"), configured(redis_queue, maxmemory_policy="allkeys-lru"):
        assert ours(databases=DEFAULT) == ["cachedemo.W027", "cachedemo.W028"]
        assert "noeviction" in checks.check_running_servers(databases=DEFAULT)[1].msg


def test_one_database_behind_two_names_is_an_error(settings, queue_server):
    with Proxy(queue_server.port) as proxy:
        settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": f"redis://{HOST}:{proxy.port}/1"}
        assert "cachedemo.E022" in ids(checks.check_running_servers(databases=DEFAULT))


@pytest.mark.parametrize("role", ["cache_server", "queue_server"])
def test_a_server_that_is_down_is_a_warning(request, role):
    request.getfixturevalue(role).kill()
    assert ours(databases=DEFAULT) == ["cachedemo.W030"]


def test_a_url_that_is_none_is_left_to_the_other_check(settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "http://h"}
    assert checks.check_running_servers(databases=DEFAULT) == []


@one_shard
def test_a_version_that_is_live_with_other_fields_is_an_error(notes, redis_queue):
    assert checks.check_versions(databases=DEFAULT) == []
    record = redis_queue.hget("{flush:notes}:versions", "1").replace(b'"body"', b'"words"')
    redis_queue.hset("{flush:notes}:versions", "1", record)
    [error] = checks.check_versions(databases=DEFAULT)
    assert error.id == "cachedemo.E023"
    assert "raise `version` in its registration to 2" in error.msg
    assert redis_queue.hget("{flush:notes}:versions", "1") == record, "a check announces nothing"
    with pytest.raises(versions.VersionConflict, match="raise `version` in its registration to 2"):
        notes.announce()


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_wait_for_the_lock_beyond_the_lease_is_warned_of():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20000")
    try:
        [warning] = checks.check_databases(databases=DEFAULT)
        assert warning.id == "cachedemo.W029"
        assert "take 20 s, and lease_timeout is" in warning.msg
    finally:
        connection.close()


@pytest.mark.skipif("connection.vendor != 'postgresql'")
@pytest.mark.parametrize(("milliseconds", "said"), [(20_000, "take 20 s"), (0, "as long as it likes")])
def test_a_statement_without_an_end_is_warned_of(milliseconds, said):
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {milliseconds}")
    try:
        [warning] = checks.check_databases(databases=DEFAULT)
        assert said in warning.msg
    finally:
        reconnect("default")  # one of a pool would keep the setting


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_behind_a_pooler_the_role_is_to_bring_the_timeout(monkeypatch):
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "options"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    reconnect("default")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    try:
        [warning] = checks.check_databases(databases=DEFAULT)
        assert "ALTER ROLE tests SET statement_timeout = '10s'" in warning.hint
    finally:
        reconnect("default")


def test_a_database_that_is_down_is_a_warning(database_gone):
    assert ids(checks.check_databases(databases=DEFAULT)) == ["cachedemo.W030"]
