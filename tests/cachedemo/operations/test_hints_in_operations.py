"""Hints are counted, shown, deleted with their version and swept when somebody switches off, as slots are."""

from typing import Any

import pytest
from django.core.management import call_command

from cachedemo import cache_for
from cachedemo.operations import audit, cached_rows, keyspace, switch, version_deletion
from tests.operators import ALL, client_of, operator, url
from users.models import User

BOB = "bob@example.com"


@pytest.fixture
def users(people: Any, redis_cache: Any) -> Any:
    users = cache_for(User)
    users.warm([1, 2, 3])
    assert users.get_by(email=BOB).pk == 2
    redis_cache.set("v1:user/code:x", "K1", ex=60)
    redis_cache.set("v1:user:1", b'V0000000000000001{"id": 1}', ex=60)
    redis_cache.set("v1:users/code:x", "another model's", ex=60)
    return users


def test_a_deletion_of_a_version_takes_its_hints_whatever_they_are_of(
    users: Any, redis_cache: Any, capsys: Any
) -> None:
    assert version_deletion.count(users, "1") == 2
    call_command("cache_delete_version", "user", "1")
    assert "v1:user: 2 keys deleted." in capsys.readouterr().out
    left = {key.decode() for key in redis_cache.scan_iter()}
    assert left == {"v1:users/code:x", "v2:user:1", "v2:user:2", "v2:user:3", f"v2:user/email:{BOB}"}


def test_a_scan_counts_them_with_their_model_and_their_version(users: Any) -> None:
    found = keyspace.scan()
    counted = {group.name: (group.model, group.version, group.keys) for group in found.of_model("user")}
    assert counted == {
        "v2:user:": ("user", "2", 3),
        "v2:user/email:": ("user", "2", 1),
        "v1:user:": ("user", "1", 1),
        "v1:user/code:": ("user", "1", 1),
    }
    assert {group.name for group in keyspace.foreign(found)} == {"v1:users/code:"}
    assert version_deletion.versions_with_keys(users) == {"1", "2"}


def test_switching_off_sweeps_them(users: Any, redis_cache: Any) -> None:
    switch.off([users], "olga")
    try:
        assert list(redis_cache.scan_iter("v?:user[:/]*")) == []
        assert users.get_by(email=BOB).pk == users.get_many_by("email", [BOB])[BOB].pk == 2
        users.update(2, email="robert@example.com")
        users.update(3, email=BOB)
        assert users.get_by(email=BOB).pk == 3
    finally:
        switch.on([users])
    assert users.get_by(email=BOB).pk == 3


def test_an_audit_takes_no_hint_for_a_row(users: Any) -> None:
    assert set(cached_rows.every(users)) == {1, 2, 3}
    assert audit.audit(users).drifts == []


def test_the_pages_show_what_a_hint_is_and_count_its_memory(users: Any) -> None:
    client = client_of(operator(*ALL))
    keyspace.keep()
    rows = [row for _, rows in client.get(url("versions")).context["models"] for row in rows if row.name == "user"]
    assert {row.version: row.keys for row in rows} == {"2": 4, "1": 2}
    assert all(row.memory > max(group.memory for group in row.groups) for row in rows)
    keys = client.get(url("keys"), {"prefix": "v2:user/email:"}).content.decode()
    assert f"v2:user/email:{BOB}" in keys
    assert ">hint<" in keys
    page = client.get(url("key"), {"key": f"v2:user/email:{BOB}"}).content.decode()
    assert "A hint: when its value was looked up" in page
    assert "?key=v2%3Auser%3A2" in page
