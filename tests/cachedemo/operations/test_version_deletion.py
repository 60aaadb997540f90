"""Deleting a version: nobody fills it, its keys go, nothing else does; it can be cancelled and finished."""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from cachedemo import ModelCache, cache_for, tasks
from cachedemo.operations import deletion_log, deletion_progress, history, keyspace, version_deletion
from cachedemo.operations.version_deletion import DeletionRefused
from cachedemo.servers.roles import CACHE
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note, Tag
from tests.operators import ALL, client_of, operator, text, token, url
from tests.processes import Process
from users.models import User

OLD = "{flush:users}:versions"


def old_keys(count: int) -> None:
    """Put keys of version 1 of the users there, as a release of last week would have."""
    CACHE.pipeline([("SET", f"v1:user:{pk}", b'V0000000000000001{"id": 1}', "EX", 600) for pk in range(count)])


@pytest.fixture
def users(people: list[User], redis_queue: redis.Redis) -> Any:
    users = cache_for(User)
    users.warm([1, 2, 3])
    redis_queue.hset(OLD, "1", json.dumps({"state": "live", "since": 1.0, "fields": ["name"]}))
    return users


def left(redis_cache: redis.Redis) -> dict[str, int]:
    keys = [key.decode().rsplit(":", 1)[0] for key in redis_cache.scan_iter(count=1000)]
    return {prefix: keys.count(prefix) for prefix in sorted(set(keys))}


def test_its_keys_go_and_no_others(users: Any, redis_cache: redis.Redis, redis_queue: redis.Redis) -> None:
    old_keys(1000)
    redis_cache.set("v1:users:1", "not ours", ex=60)
    redis_cache.set("v11:user:1", "another version", ex=60)
    version_deletion.begin(users, "1", "olga")
    done = version_deletion.run(users, "1")
    assert (done.state, done.deleted, done.total, done.percent) == ("done", 1000, 1000, 100)
    assert left(redis_cache) == {"v11:user": 1, "v1:users": 1, "v2:user": 3}
    assert redis_queue.hkeys(OLD) == [b"2"]


def test_its_readers_stop_filling_before_the_first_key_goes(transactional_db: None, redis_cache: redis.Redis) -> None:
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a"), Note(pk=2, title="b")])
    older = type("Older", (ModelCache,), {"fields": ["title"]})(Note)
    older.announce()
    older.get(1)
    version_deletion.begin(older, "1", "olga", even_current=True)
    older.get(2)
    assert redis_cache.exists("v1:note:2") == 0
    version_deletion.run(older, "1")
    assert redis_cache.dbsize() == 0
    assert older.get(1).title == "a"  # not announced: it asks the database
    assert older.get(1).title == "a"
    assert redis_cache.exists("v1:note:1") == 1  # it has announced itself again


def test_the_current_version_is_refused_unless_somebody_insists(users: Any, redis_cache: redis.Redis) -> None:
    with pytest.raises(DeletionRefused, match="current"):
        version_deletion.begin(users, "2", "olga")
    assert left(redis_cache) == {"v2:user": 3}
    version_deletion.begin(users, "2", "olga", even_current=True)
    assert version_deletion.run(users, "2").deleted == 3


def test_a_second_deletion_beside_the_first_is_refused(users: Any) -> None:
    version_deletion.begin(users, "1", "olga")
    with pytest.raises(DeletionRefused, match="already, by olga"):
        version_deletion.begin(users, "1", "otto")


def test_a_cancel_stops_it_and_the_rest_serves_on(
    users: Any, redis_cache: redis.Redis, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_deletion, "REPORT_EVERY", 0)
    old_keys(5000)
    version_deletion.begin(users, "1", "olga")
    stopped = version_deletion.run(
        users, "1", tell=lambda now: now.deleted > 1000 and version_deletion.cancel(users, "1")
    )
    assert stopped.state == "cancelled"
    assert 1000 < stopped.deleted < 5000
    assert left(redis_cache)["v1:user"] == 5000 - stopped.deleted
    assert json.loads(redis_queue.hget(OLD, "1"))["state"] == "live"


def test_beginning_again_finishes_what_a_cancel_left(
    users: Any, redis_cache: redis.Redis, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_a_cancel_stops_it_and_the_rest_serves_on(users, redis_cache, redis_queue, monkeypatch)
    again = version_deletion.begin(users, "1", "olga")
    assert again.total == 5000
    done = version_deletion.run(users, "1")
    assert (done.state, done.deleted) == ("done", 5000)
    assert "v1:user" not in left(redis_cache)
    assert redis_queue.hkeys(OLD) == [b"2"]


def test_beginning_again_finishes_what_a_dead_worker_left(users: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old_keys(500)
    version_deletion.begin(users, "1", "olga")  # and no run
    monkeypatch.setattr(deletion_progress, "STALLED_AFTER", -1)
    assert deletion_progress.find(users, "1").stalled
    version_deletion.begin(users, "1", "olga")
    assert version_deletion.run(users, "1").deleted == 500


def test_the_worker_deletes_what_the_page_asked_for(
    users: Any, redis_cache: redis.Redis, start_worker: Callable[..., Process]
) -> None:
    start_worker("--pool=solo")
    old_keys(3000)
    client = client_of(operator(*ALL))
    page = client.get(url("version", "user", "1"))
    counted = client.post(url("count-version"), {"token": token(page, "count-version")}, follow=True)
    assert "3,000 keys would be deleted" in text(counted)
    begun = client.post(url("delete-version"), {"token": token(counted, "delete-version")}, follow=True)
    assert "Deleting 3,000 keys of v1:user:" in text(begun)
    until(lambda: "v1:user" not in left(redis_cache), timeout=20)
    entry = until(lambda: LogEntry.objects.filter(object_id="delete-version", change_message__contains="done").first())
    (event,) = history.events([entry])
    assert (event.who, event.outcome, event.counts, event.target) == ("olga", "done", {"keys": 3000}, "v1:user:")
    assert event.seconds > 0
    assert "Deleted: 3,000 keys of v1:user:." in text(client.get(url("versions")))


def test_the_page_counts_first_and_deletes_only_what_it_counted(users: Any, redis_cache: redis.Redis) -> None:
    old_keys(10)
    client = client_of(operator(*ALL))
    page = client.get(url("version", "user", "1"))
    assert url("delete-version") not in page.content.decode()
    client.post(url("count-version"), {"token": token(page, "count-version")})
    assert left(redis_cache)["v1:user"] == 10
    assert "10 keys would be deleted" in text(client.get(url("version", "user", "1")))


def test_the_page_refuses_the_current_version_until_the_box_is_ticked(
    users: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks, "request_deletion", lambda *task: asked.append(task))
    client = client_of(operator(*ALL))
    page = client.get(url("version", "user", "2"))
    page = client.post(url("count-version"), {"token": token(page, "count-version")}, follow=True)
    form = {"token": token(page, "delete-version")}
    assert "is the current version" in text(client.post(url("delete-version"), form, follow=True))
    assert not asked
    client.post(url("delete-version"), {**form, "even_current": "yes"})
    assert [task[:2] for task in asked] == [("user", "2")]


def test_without_a_broker_nothing_is_retired(
    users: Any, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks, "request_deletion", refuse)
    client = client_of(operator(*ALL))
    page = client.get(url("version", "user", "1"))
    page = client.post(url("count-version"), {"token": token(page, "count-version")}, follow=True)
    answer = client.post(url("delete-version"), {"token": token(page, "delete-version")}, follow=True)
    assert "No worker could be asked, so nothing was deleted" in text(answer)
    assert json.loads(redis_queue.hget(OLD, "1"))["state"] == "live"
    assert [event.outcome for event in history.events(history.entries())] == ["refused", "done"]


def test_the_command_deletes_what_is_older_than_the_current_versions(
    users: Any, redis_cache: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    old_keys(40)
    redis_cache.set("v0:user:1", "from long ago", ex=60)
    redis_cache.set("v3:user:1", "from a newer release", ex=60)
    call_command("cache_delete_version", "--previous", "--dry-run")
    assert "v1:user: 40 keys would be deleted." in capsys.readouterr().out
    assert left(redis_cache)["v1:user"] == 40
    call_command("cache_delete_version", "--previous")
    assert "v1:user: 40 keys deleted." in capsys.readouterr().out
    assert left(redis_cache) == {"v2:user": 3, "v3:user": 1}


def test_the_command_wants_to_be_told_twice_to_delete_the_current_version(users: Any, redis_cache: redis.Redis) -> None:
    for flags in ([], ["--current"]):
        with pytest.raises(CommandError, match="say --current twice"):
            call_command("cache_delete_version", "user", "2", *flags)
    assert left(redis_cache) == {"v2:user": 3}
    call_command("cache_delete_version", "user", "2", "--current", "--current")
    assert left(redis_cache) == {}


@pytest.mark.parametrize("version", ["ersion", "abc", "-1", "1 ", "\u0661", "9" * 30, ""])
def test_what_is_no_version_is_not_deleted(users: Any, redis_cache: redis.Redis, version: str) -> None:
    redis_cache.set("version:user:42", "somebody else's", ex=60)
    client = client_of(operator(*ALL))
    if version:
        assert client.get(url("version", "user", version)).status_code == 404
    with pytest.raises(DeletionRefused, match="is not a version"):
        version_deletion.begin(users, version, "olga", even_current=True)
    assert redis_cache.exists("version:user:42")


def test_a_deletion_that_waits_for_writers_is_not_stalled_and_sees_a_cancel(
    users: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(10)
    monkeypatch.setattr(version_deletion, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(deletion_progress, "STALLED_AFTER", 0.2)
    users.table.queue.stamp(1, "0123456789abcdef", 60, 0, "1")  # a writer under way, which takes its time
    version_deletion.begin(users, "1", "olga")
    worker = threading.Thread(target=version_deletion.run, args=(users, "1"))
    worker.start()
    until(lambda: version_deletion.count(users, "1") == 0)
    time.sleep(2 * deletion_progress.STALLED_AFTER)
    waiting = deletion_progress.find(users, "1")
    assert waiting.running
    assert not waiting.stalled
    assert version_deletion.cancel(users, "1")
    worker.join(timeout=5)
    assert not worker.is_alive()
    assert deletion_progress.find(users, "1").state == "cancelled"


def test_beginning_again_ends_the_entry_of_a_deletion_whose_worker_died(
    users: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(10)
    olga = operator(*ALL)
    deletion_log.begin("v1:user:", 10, olga.pk)  # and the worker is gone
    deletion_log.begin("v0:user:", 10, olga.pk)
    call_command("cache_delete_version", "user", "1", "--user", "olga")
    found = [(event.target, event.outcome) for event in history.events(history.entries())]
    assert found == [("v1:user:", "done"), ("v0:user:", "running"), ("v1:user:", "failed")]


def test_the_command_writes_the_history_in_a_users_name(users: Any, redis_cache: redis.Redis) -> None:
    old_keys(10)
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("cache_delete_version", "user", "1", "--user", "nobody")
    assert left(redis_cache)["v1:user"] == 10
    operator("view_cache", name="deploy")
    call_command("cache_delete_version", "user", "1", "--user", "deploy")
    (event,) = history.events(history.entries())
    assert (event.who, event.outcome, event.counts, event.target) == ("deploy", "done", {"keys": 10}, "v1:user:")
    call_command("cache_delete_version", "user", "1")
    assert history.entries().count() == 1


@pytest.fixture
def tags(transactional_db: None) -> ModelCache:
    """A model without a queue, and keys of last week's release of it."""
    tags = cache_for(Tag)
    tags.read(tags.create(name="new").pk)
    CACHE.pipeline([("SET", f"v0:tag:{pk}", b'V0000000000000001{"id": 1}', "EX", 600) for pk in range(40)])
    return tags


def test_a_model_without_a_queue_has_its_versions_on_the_page_too(tags: ModelCache) -> None:
    keyspace.keep()
    client = client_of(operator(*ALL))
    for name in ("versions", "changelist"):
        assert re.search(r"v1:tag: current .*v0:tag: retired", text(client.get(url(name)))), name


def test_an_old_version_of_a_model_without_a_queue_is_deleted(
    tags: ModelCache, redis_cache: redis.Redis, redis_queue: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("cache_delete_version", "--previous")
    assert "v0:tag: 40 keys deleted." in capsys.readouterr().out
    assert left(redis_cache) == {"v1:tag": 1}
    assert redis_queue.ttl("{no queue:tag}:deletion:0") > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a model and a version"),
        (["user"], "Name the version too"),
        (["user", "one"], "'one' is not a version: name its number"),
        (["nobody", "1"], "No registered model has the name 'nobody'"),
        (["user", "1", "--previous"], "Name a model and a version"),
    ],
)
def test_the_command_says_what_it_wants(users: Any, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("cache_delete_version", *arguments)


def test_a_prefix_with_signs_of_a_pattern_means_itself() -> None:
    assert keyspace.pattern("v1:[a]*?:") == r"v1:\[a\]\*\?:*"
