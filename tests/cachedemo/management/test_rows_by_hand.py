"""`cache_warm`, `cache_evict` and `cache_stats`."""

import io
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import OperationalError

from cachedemo.exceptions import CachedemoError
from cachedemo.operations import pause, summary
from cachedemo.protocol import stats
from cachedemo.servers.roles import CACHE
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note
from tests.processes import Process
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def said(*arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_all_rows_are_loaded(users: Any, people: Any, redis_cache: redis.Redis) -> None:
    assert said("cache_warm", "users.User", "--all") == "3 rows loaded, or there already.\n"
    assert redis_cache.exists("v2:user:1", "v2:user:2", "v2:user:3") == 3
    assert said("cache_warm", "users.user", "--all") == "3 rows loaded, or there already.\n"


def test_named_rows_are_loaded_and_those_that_are_missing_are_told(people: Any, redis_cache: redis.Redis) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("cache_warm", "users.User", "--ids", "1", "999", stdout=out)
    assert out.getvalue() == "1 row loaded, or there already. 1 row asked for does not exist.\n"
    assert redis_cache.get("v2:user:1") is not None


def test_keys_are_read_from_stdin(people: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n\n2\n"))
    assert said("cache_warm", "users.User", "--ids", "-") == "2 rows loaded, or there already.\n"
    assert redis_cache.exists("v2:user:1", "v2:user:2") == 2


@pytest.mark.parametrize("command", ["cache_warm", "cache_evict"])
def test_what_cannot_be_is_said_in_a_sentence(command: str, people: Any) -> None:
    with pytest.raises(CommandError, match=r"auth\.User is not registered\. Registered: .*users\.User"):
        call_command(command, "auth.User", "--all")
    with pytest.raises(CommandError, match=r"'x' is no primary key of users\.User"):
        call_command(command, "users.User", "--ids", "1", "x")
    with pytest.raises(CommandError, match="no database 'elsewhere'"):
        call_command(command, "users.User", "--all", "--using", "elsewhere")
    with pytest.raises(CommandError, match="--all"):
        call_command(command, "users.User")


def test_a_wrong_key_is_told_before_anything_is_done(users: Any, people: Any) -> None:
    users.warm([1])
    past_cachedemo(User).update(name="raw")
    with pytest.raises(CommandError, match="'x' is no primary key"):
        call_command("cache_evict", "users.User", "--ids", "1", "x")
    assert users.get(1).name != "raw"


@pytest.mark.parametrize(
    ("command", "words"),
    [("cache_warm", "3 rows loaded, or there already"), ("cache_evict", "slots of 3 rows are empty")],
)
def test_from_stdin_it_is_told_what_was_done_before_it(
    command: str, words: str, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n2\n3\n1\n" * 250 + "x\n"))
    with pytest.raises(CommandError, match=f"'x' is no primary key .*{words}"):
        call_command(command, "users.User", "--ids", "-")


def test_a_database_that_fails_halfway_is_told_with_what_was_loaded(
    people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: Any) -> Any:
        raise OperationalError("a value of a row")

    monkeypatch.setattr("django.db.models.QuerySet.count", gone)
    with pytest.raises(CommandError, match=r"^The database: OperationalError\. 0 rows loaded"):
        call_command("cache_warm", "users.User", "--all")


def test_rows_that_were_not_reached_are_not_told_to_be_missing(
    users: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, pks: Any) -> int:
        raise CachedemoError("No.")

    monkeypatch.setattr(type(users), "warm", fails)
    with pytest.raises(CommandError, match=r"^No\. 0 rows loaded, or there already\.$"):
        call_command("cache_warm", "users.User", "--ids", "1")


def test_loading_needs_a_cache(people: Any, settings: Any) -> None:
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://127.0.0.1:1/0"}
    CACHE.reset()
    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("cache_warm", "users.User", "--all")


def test_a_change_past_cachedemo_is_read_after_an_eviction(users: Any, people: Any, redis_cache: redis.Redis) -> None:
    users.warm([1, 2, 3])
    past_cachedemo(User).update(name="raw")
    assert said("cache_evict", "users.User", "--ids", "1") == "The slots of 1 row are empty.\n"
    assert users.get(1).name == "raw"
    assert users.get(2).name != "raw"
    assert said("cache_evict", "users.User", "--all") == "The slots of 3 rows are empty.\n"
    assert users.get(2).name == "raw"


def test_all_are_those_of_an_older_release_too(
    users: Any, people: Any, redis_cache: redis.Redis, redis_queue: Any
) -> None:
    users.announce()
    redis_queue.hset("{flush:users}:versions", "1", json.dumps({"state": "live", "since": 1, "fields": ["name"]}))
    redis_cache.set("v1:user:3", b"V" + b"0" * 16 + b"{}")
    assert said("cache_evict", "users.User", "--all") == "The slots of 1 row are empty.\n"
    assert redis_cache.get("v1:user:3") is None


def test_ctrl_c_keeps_what_is_loaded(notes: Any, run_python: Callable[..., Process], redis_cache: redis.Redis) -> None:
    past_cachedemo(Note).bulk_create([Note(title=f"{n}", body="b" * 900) for n in range(30_000)])
    process = run_python("manage.py", "cache_warm", "notes.Note", "--all")
    until(lambda: redis_cache.dbsize() > 1000, timeout=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "Traceback" not in process.output()
    assert redis_cache.dbsize() >= 1000  # of the thousand under way, the leases were given back


def test_the_numbers_are_those_of_the_last_minutes(users: Any, people: Any) -> None:
    stats.send()
    before = summary.look(60)
    users.read(1)
    users.read(1)
    users.via("write-behind").update(1, name="Ann")
    users.via("write-behind").update(2, name="Bea")
    stats.send()
    found = json.loads(said("cache_stats", "--json"))
    assert found["hits"] - before.hits == 2
    assert found["reads"] - before.reads == 4
    assert [each["waiting"] for each in found["queues"] if each["name"] == "flush:users"] == [2]
    users.flush()
    stats.send()
    assert json.loads(said("cache_stats", "--json"))["flushed"] - before.flushed == 2


def test_they_are_told_in_words(users: Any, people: Any) -> None:
    users.read(1)
    stats.send()
    pause.pause(users, "boss")
    words = said("cache_stats", "--minutes", "1")
    assert words.startswith("Last minute: ")
    assert "paused" in words
    with pytest.raises(CommandError, match="1440"):
        call_command("cache_stats", "--minutes", "0")


def test_slots_that_could_not_be_emptied_are_not_said_to_be_empty(users: Any, people: Any, settings: Any) -> None:
    users.read_many([1, 2])
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": "redis://127.0.0.1:1/0"}
    CACHE.reset()
    assert said("cache_evict", "users.User", "--ids", "1", "2") == (
        "The slots of 0 rows are empty. The cache does not answer for 2 rows: a flush empties them once it does.\n"
    )
    assert json.loads(said("cache_evict", "users.User", "--ids", "1", json=True)) == {
        "model": "users.User",
        "emptied": 0,
        "owed": 1,
    }
    assert users.table.queue.owed()[0] == 2
