"""Another database on the same queue is noticed by its address, and is a warning."""

import time
from typing import Any

import pytest
from django.core import checks as django_checks
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from cachedemo import announce_all
from cachedemo.operations import workers
from cachedemo.protocol import database_addresses, stats
from cachedemo.servers.key_prefix import ours

SAID = "its database 'default' has another address"


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_addresses, "_due", {})


@pytest.fixture
def staging(notes: Any, redis_queue: Any) -> None:
    """A process on another machine, with another database."""
    redis_queue.zadd(ours(database_addresses.KEY), {"default 0123456789abcdef staging-1": time.time()})


def of(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> str:
    with monkeypatch.context() as patch:
        plain = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "db", "PORT": "", "OPTIONS": {}}
        patch.setitem(connections.settings, "default", {**plain, **settings})
        return database_addresses.digest("default")


@pytest.mark.parametrize(
    "same",
    [
        {"USER": "somebody", "PASSWORD": "secret"},
        {"PORT": 5432},
        {"PORT": "5432"},
        {"HOST": "DB"},
        {"ENGINE": "django_prometheus.db.backends.postgresql"},
        {"OPTIONS": {"pool": True}},
    ],
)
def test_what_does_not_say_where_it_is_makes_no_other_address(monkeypatch: pytest.MonkeyPatch, same: Any) -> None:
    assert of(monkeypatch, **same) == of(monkeypatch)


@pytest.mark.parametrize(
    "other", [{"HOST": "db2"}, {"NAME": "staging"}, {"PORT": "6432"}, {"OPTIONS": {"service": "staging"}}]
)
def test_what_says_where_it_is_makes_another(monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    assert of(monkeypatch, **other) != of(monkeypatch)


def test_this_machine_has_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("", "localhost", "127.0.0.1", "::1", "/var/run/postgresql")
    assert len({of(monkeypatch, HOST=name) for name in names}) == 1


def test_a_process_says_where_its_database_is_and_nothing_else_of_it(notes: Any, redis_queue: Any) -> None:
    notes.announce()
    [member] = redis_queue.zrange(ours(database_addresses.KEY), 0, -1)
    using, said, _ = member.decode().rsplit(" ", 2)
    assert (using, said) == ("default", database_addresses.digest("default"))
    assert str(connections.settings["default"]["NAME"]) not in member.decode()


@pytest.mark.parametrize("say", [workers.say, lambda: (stats.count(stats.HITS), stats.send())], ids=["worker", "busy"])
def test_it_is_said_again_while_the_process_is_alive(notes: Any, redis_queue: Any, say: Any) -> None:
    notes.announce()
    redis_queue.delete(ours(database_addresses.KEY))
    say()
    assert not redis_queue.exists(ours(database_addresses.KEY))  # not each second
    database_addresses._due["default"] = 0.0
    say()
    assert redis_queue.exists(ours(database_addresses.KEY))


def test_one_that_has_not_been_heard_of_for_long_is_forgotten(notes: Any, redis_queue: Any, staging: None) -> None:
    long_ago = time.time() - database_addresses.GONE_AFTER - 1
    redis_queue.zadd(ours(database_addresses.KEY), {"default 0123456789abcdef staging-1": long_ago})
    assert database_addresses.sentences() == []
    database_addresses._due["default"] = 0.0
    notes.announce()
    assert redis_queue.zcard(ours(database_addresses.KEY)) == 1


def test_another_address_is_a_warning_wherever_one_looks_and_no_refusal(
    notes: Any,
    staging: None,
    admin_client: Client,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    notes.announce()
    call_command("cache_ping")
    said = capsys.readouterr().out
    assert SAID in said
    assert "staging-1" in said
    assert "PgBouncer" in said
    page = admin_client.get(reverse("admin:cachedemo_cache_changelist")).content.decode()
    assert "staging-1 shares this queue" in page
    found = [message for message in django_checks.run_checks(databases=["default"]) if message.id == "cachedemo.W031"]
    assert [(message.level, SAID in message.msg) for message in found] == [(django_checks.WARNING, True)]
    announce_all()
    assert any(SAID in message for message in caplog.messages)
    assert notes.get(1).title == "a0"


def test_nothing_is_said_where_all_have_the_same(notes: Any, redis_queue: Any, capsys: Any) -> None:
    notes.announce()
    own = database_addresses.digest("default")
    redis_queue.zadd(ours(database_addresses.KEY), {f"default {own} web-2": time.time()})
    redis_queue.zadd(ours(database_addresses.KEY), {"tenant 0123456789abcdef web-3": time.time()})  # not ours to judge
    call_command("cache_ping")
    assert "address" not in capsys.readouterr().out
    assert "cachedemo.W031" not in [message.id for message in django_checks.run_checks(databases=["default"])]
