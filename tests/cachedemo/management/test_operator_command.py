"""Each of the operators' commands writes its result as JSON if asked to, and ends with 130 where Ctrl-C stops it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import OperationalError

from cachedemo.management.operator_command import INTERRUPTED, UNREAD, OperatorCommand
from cachedemo.operations import audit
from cachedemo.protocol import flush
from tests.environment import ROOT
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from users.models import User

COMMANDS = sorted(name for name, app in get_commands().items() if app == "cachedemo" and name.startswith("cache_"))
OWN = {"cache_shards", "cache_switch"}  # look after both themselves: they must say what is half done

pytestmark = pytest.mark.usefixtures("people")


def found(*arguments: str, **options: Any) -> Any:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture
def a_dead_letter(users: Any) -> None:
    users.table.queue.enqueue(3, 0, 1000, {"email": "alice@example.com"}, None)
    users.flush()


def test_warm_and_evict(users: Any) -> None:
    assert found("cache_warm", "users.User", "--all") == {"model": "users.User", "asked": 3, "loaded": 3}
    assert found("cache_evict", "users.User", "--ids", "1", "2") == {"model": "users.User", "emptied": 2, "owed": 0}
    with pytest.raises(SystemExit, match="1"):
        call_command("cache_warm", "users.User", "--ids", "99", "--json", stdout=io.StringIO())


def test_audit(users: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SECOND_LOOK", 0)
    users.warm([1, 2, 3])
    past_cachedemo(User).filter(pk=2).update(name="by hand")
    [report] = [each for each in found("cache_audit", "--repair") if each["model"] == "users.User"]
    assert (report["looked_at"], report["repaired"], report["odd_stamps"]) == (3, 1, 0)
    [drift] = report["drifts"]
    assert (drift["pk"], drift["fields"]) == (2, ["name"])
    assert "by hand" in drift["database"]


def test_drain_and_dead_letters(users: Any, a_dead_letter: None) -> None:
    users.via("write-behind").update(1, name="Al")
    [of_users] = [each for each in found("cache_drain") if each["queue"] == "flush:users"]
    assert of_users == {"queue": "flush:users", "flushed": 1, "dead_letters": 1}
    [letter] = found("cache_dead_letters")
    assert (letter["queue"], letter["pk"], letter["row_exists"]) == ("flush:users", "3", True)
    assert letter["fields"] == [{"field": "email", "waiting": "alice@example.com", "row": "carol@example.com"}]
    assert found("cache_dead_letters", "discard", "3", "--queue", "flush:users", "--yes") == {"discarded": 1}
    assert found("cache_dead_letters", "retry", "--all", "--queue", "flush:users") == {"retried": 0}
    assert found("cache_dead_letters") == []


def test_ping(cache_server: Any) -> None:
    assert [(each["role"], each["answers"]) for each in found("cache_ping")] == [("cache", True), ("queue", True)]
    cache_server.kill()
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("cache_ping", "--json", stdout=out)
    cache, queue = json.loads(out.getvalue())
    assert (cache["answers"], queue["answers"]) == (False, True)
    assert "cache server" in cache["problem"]


def test_delete_version(users: Any, redis_cache: Any) -> None:
    redis_cache.set("v1:user:1", "V0", ex=60)
    assert found("cache_delete_version", "user", "1", "--dry-run") == [
        {"version": "v1:user:", "keys": 1, "deleted": False}
    ]
    assert found("cache_delete_version", "user", "1")[0]["deleted"]
    assert not redis_cache.exists("v1:user:1")


def test_a_drain_says_how_far_it_is(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes.table.options, "batch_size", 1)
    for pk in (1, 2):
        notes.via("write-behind").update(pk, title="x")
    said: list[tuple[int, int | None]] = []
    flush.drain(notes.table, 10, lambda flushed, of: said.append((flushed, of)))
    assert said == [(1, 2), (2, 2)]
    assert Note.objects.filter(title="x").count() == 2


@pytest.mark.parametrize("name", sorted({*COMMANDS} - OWN))
def test_a_command_that_is_stopped_says_what_that_leaves(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command: Any = load_command_class("cachedemo", name)
    assert isinstance(command, OperatorCommand)

    def stopped(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "handle", stopped)
    said = io.StringIO()
    arguments = ["users.User", "--all"] if name in ("cache_warm", "cache_evict") else []
    with pytest.raises(SystemExit) as ended:
        call_command(command, *arguments, stderr=said)
    assert ended.value.code == INTERRUPTED
    assert said.getvalue().startswith("Stopped. ")


def test_a_command_whose_reader_has_gone_ends_quietly(people: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "manage.py", "cache_stats", "--json"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()
    assert (command.returncode, said) == (UNREAD, b"")


def test_an_error_of_the_database_is_a_sentence_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    command: Any = load_command_class("cachedemo", "cache_audit")

    def fails(*args: Any, **options: Any) -> None:
        raise OperationalError("a value of a row")

    monkeypatch.setattr(command, "handle", fails)
    with pytest.raises(CommandError, match=r"^The database: OperationalError\.$"):
        call_command(command)


def test_every_command_that_finds_or_does_something_has_it_as_json() -> None:
    def takes_json(name: str) -> bool:
        parser: Callable[..., Any] = load_command_class("cachedemo", name).create_parser
        return "--json" in parser("manage.py", name).format_help()

    assert [name for name in COMMANDS if not takes_json(name)] == ["cache_flush"]  # it says nothing


def test_a_number_of_shards_that_is_refused_has_begun_nothing() -> None:
    with pytest.raises(CommandError, match=r"^0 is no number of shards: name one from 1 to \d+\.$"):
        call_command("cache_shards", "users.User", "0")
