"""The near cache in one process: when a copy is returned, when none is, and what drops it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import F

from cachedemo.operations import metrics, near_state, ping
from cachedemo.protocol import near_copies, slots, stats
from cachedemo.protocol.near_copies import COPIES
from cachedemo.servers import roles, test_runs, tracking
from cachedemo.servers.roles import CACHE
from tests import near_notes
from tests.cachedemo.made_models import made
from tests.helpers import until
from tests.near_notes import copied, stop_listening
from tests.notes.models import Note
from tests.servers import forbidden, servers_of


@pytest.fixture
def near(notes: Any) -> Iterator[Any]:
    """The cache of two notes, which are copied."""
    with near_notes.registered() as cache:
        copied(cache, 1, 2)
        yield cache


def forged(near: Any, pk: int = 1) -> None:
    """Let the copy of a row be one that no slot has: whoever shows it has taken the copy."""
    copied(near, pk)
    copy = COPIES.by_key[near.table.slots.key(pk)]
    copy.entry = copy.entry._replace(body=copy.entry.body.replace(b'"a0"', b'"forged"'))


def shown(near: Any, pk: int = 1) -> Any:
    return json.loads(near.read(pk).body)["title"]


def seen_until_now(near: Any) -> None:
    """Wait until everything has been heard that the cache's servers have said by now."""
    near_notes.heard_all()


def test_a_row_that_is_read_again_is_read_from_its_copy_and_asks_no_server(near: Any, redis_cache: Any) -> None:
    for server in servers_of(redis_cache):
        server.config_resetstat()
    entries = until(lambda: [e] if (e := near.read(1)).origin == "near" else None)
    assert entries[0][:2] == near.read(1, fresh=True)[:2]
    assert near.get(1).title == near.get_many([1])[1].title == "a0"
    said = [server.info("commandstats").get("cmdstat_get", {"calls": 0}) for server in servers_of(redis_cache)]
    assert sum(each["calls"] for each in said) <= 3


def test_what_asks_for_nothing_behind_is_given_no_copy(near: Any) -> None:
    forged(near)
    assert shown(near) == "forged"
    assert near.get(1).title == "forged"
    assert near.read(1, fresh=True).body.count(b'"a0"') == 1
    assert near.get(1, fresh=True).title == near.get_many([1], fresh=True)[1].title == "a0"
    assert near.read_many([1], fresh=True)[1].body.count(b'"a0"') == 1
    assert async_to_sync(near.aget_many)([1], fresh=True)[1].title == "a0"
    assert async_to_sync(near.aread)(1, fresh=True).body.count(b'"a0"') == 1
    assert async_to_sync(near.aget)(1, fresh=True).title == "a0"


def test_each_kind_of_read_takes_copies(near: Any) -> None:
    forged(near)
    assert shown(near) == near.get(1).title == near.get_many([1, 2])[1].title == "forged"
    assert json.loads(near.read_many([2, 1])[1].body)["title"] == "forged"
    assert async_to_sync(near.aget)(1).title == async_to_sync(near.aget_many)([1])[1].title == "forged"
    assert json.loads(async_to_sync(near.aread)(1).body)["title"] == "forged"
    assert near.get_many([1, 2])[2].title == "a0"


def test_a_loop_makes_copies_too(near: Any) -> None:
    COPIES.forget_all()
    until(lambda: async_to_sync(near.aread)(1).origin == "near")
    COPIES.forget_all()
    until(lambda: async_to_sync(near.aread_many)([1, 2])[2].origin == "near")


def test_no_copy_is_used_inside_a_transaction(near: Any) -> None:
    forged(near)
    with transaction.atomic():
        assert shown(near) == near.get(1).title == near.get_many([1])[1].title == "a0"
    forged(near)
    assert shown(near) == "forged"
    connection.set_autocommit(False)
    try:
        assert shown(near) == "a0"
    finally:
        connection.set_autocommit(True)


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_no_write_is_computed_from_a_copy(near: Any, pattern: str) -> None:
    forged(near)
    assert near.via(pattern).update(1, body="b1").title == "a0"
    assert shown(near) == "a0"


def test_a_test_that_begins_with_empty_tables_has_no_copies(near: Any) -> None:
    """What the server says of the keys that are gone may come a moment later."""
    forged(near, 2)
    for call in test_runs._when_emptied:
        call()
    assert (shown(near, 1), shown(near, 2)) == ("a0", "a0")


WAYS: dict[str, Callable[[Any], Any]] = {
    "cache-aside": lambda near: near.via("cache-aside").update(1, title="a1"),
    "write-through": lambda near: near.via("write-through").update(1, title="a1"),
    "write-behind": lambda near: near.via("write-behind").update(1, title="a1"),
    "save": lambda near: _saved(Note.objects.get(pk=1)),
    "save of what was read": lambda near: _saved(near.get(1)),
    "update": lambda near: Note.objects.filter(pk=1).update(title="a1"),
    "update_or_create": lambda near: Note.objects.update_or_create(pk=1, defaults={"title": "a1"}),
    "bulk_update": lambda near: Note.objects.bulk_update([Note(pk=1, title="a1")], ["title"]),
    "update_many, cache-aside": lambda near: near.via("cache-aside").update_many({1: {"title": "a1"}}),
    "update_many, write-through": lambda near: near.via("write-through").update_many({1: {"title": "a1"}}),
    "update_many, write-behind": lambda near: near.via("write-behind").update_many({1: {"title": "a1"}}),
    "past cachedemo": lambda near: _past(near),
    "in a transaction": lambda near: _in_a_transaction(),
    "in a loop": lambda near: async_to_sync(near.aupdate)(1, title="a1"),
}


def _saved(note: Any) -> None:
    note.title = "a1"
    note.save()


def _past(near: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notes_note SET title = 'a1' WHERE id = 1")
    near.evict([1])


def _in_a_transaction() -> None:
    with transaction.atomic():
        Note.objects.filter(pk=1).update(title="a1")


@pytest.mark.parametrize("way", WAYS)
def test_what_this_process_writes_its_next_read_shows(near: Any, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the server says, or when: nothing is heard here any more."""
    copied(near, 1)
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)
    WAYS[way](near)
    assert shown(near) == "a1"


def test_a_row_that_this_process_deletes_is_not_there_for_its_next_read(
    near: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)
    near.delete(1)
    Note.objects.filter(pk=2).delete()
    for pk in (1, 2):
        with pytest.raises(Note.DoesNotExist):
            near.read(pk)


def test_an_increment_and_an_expression_show_at_once(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)
    near.via("write-behind").increment(1, size=2)
    assert near.get(1).size == 2
    near.increment(1, size=1)
    Note.objects.filter(pk=1).update(size=F("size") + 4)
    assert near.get(1).size == 7


def test_a_write_whose_step_the_cache_has_not_taken_shows_no_copy(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is older than the write. The slot is too, but it has the mark, and that is owed."""
    forged(near)
    plain = CACHE.script

    def gone(script: Any, *arguments: Any, **options: Any) -> Any:
        if script is slots._finish:
            raise CACHE.unavailable("gone for the moment")
        return plain(script, *arguments, **options)

    monkeypatch.setattr(CACHE, "script", gone)
    monkeypatch.setattr(COPIES, "changed", lambda keys: None)
    near.update(1, title="a1")
    monkeypatch.undo()
    assert near.read(1).origin == "cache"
    assert shown(near) == "a0"


def test_what_the_server_evicts_or_loses_is_no_copy_any_more(near: Any, redis_cache: redis.Redis) -> None:
    forged(near)
    redis_cache.delete(near.table.slots.key(1))
    until(lambda: shown(near) == "a0")
    forged(near)
    redis_cache.flushdb()
    until(lambda: near.table.slots.key(1) not in COPIES.by_key)
    assert near.table.slots.key(2) not in COPIES.by_key


def test_a_mark_is_never_copied(near: Any) -> None:
    near.table.slots.mark(1, "0123456789abcdef")
    seen_until_now(near)
    assert near.read(1).origin == "cache"
    assert near.read(1).origin == "cache"
    near.table.slots.unmark(1, "0123456789abcdef")
    copied(near, 1)


def test_a_connection_that_is_lost_leaves_no_copy(near: Any, redis_cache: redis.Redis) -> None:
    forged(near)
    lost = COPIES.by_key[near.table.slots.key(1)].feed
    near_notes.cut(redis_cache)
    until(lambda: not COPIES.by_key)
    assert shown(near) == "a0"
    assert lost.confirmed == tracking.NEVER
    copied(near, 1)  # on a new connection


def test_settings_that_lead_elsewhere_take_effect_at_once(near: Any, settings: Any) -> None:
    forged(near)
    settings.CACHEDEMO = {**settings.CACHEDEMO, "TIMEOUT": 2.0}
    assert shown(near) == "a0"
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False}
    assert near.read(1).origin == "source"


def test_a_server_that_refuses_to_track_is_read_as_without_copies(
    near: Any, redis_cache: redis.Redis, settings: Any
) -> None:
    with forbidden(redis_cache, settings, "CACHE_URL", "client"):
        near.read(1)
        listener, *_ = until(lambda: [each for each in COPIES.listeners() if each.problem])
        assert "forbids a command to this user" in listener.problem
        assert [near.read(1).origin, near.read(1).origin] == ["cache", "cache"]


def test_copies_are_bounded_in_number_and_bytes(near: Any, settings: Any) -> None:
    COPIES.forget_all()
    settings.CACHEDEMO = {**settings.CACHEDEMO, "NEAR_ENTRIES": 1}
    copied(near, 1)
    copied(near, 2)
    assert list(COPIES.by_key) == [near.table.slots.key(2)]
    settings.CACHEDEMO = {**settings.CACHEDEMO, "NEAR_ENTRIES": 10, "NEAR_BYTES": 100}
    COPIES.forget_all()
    near.read_many([1, 2])
    near.read_many([1, 2])
    assert (COPIES.by_key, COPIES.bytes) == ({}, 0)


def test_a_copy_lives_no_longer_than_a_slot(near: Any) -> None:
    forged(near)
    COPIES.by_key[near.table.slots.key(1)].expires = time.monotonic()
    assert shown(near) == "a0"


def test_a_process_that_hears_more_than_it_reads_keeps_no_copies_and_says_so(
    near: Any, redis_cache: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(near_copies, "WINDOW", 0.1)
    monkeypatch.setattr(near_copies, "FEW", 10)
    for pk in range(100):
        redis_cache.set(near.table.slots.key(1000 + pk), "anything", px=10_000)
    listener, *_ = until(lambda: [each for each in COPIES.listeners() if each.problem])
    assert listener.problem == tracking.TOO_MUCH
    assert not COPIES.by_key
    assert near.read(1).origin == "cache"
    assert "none are kept for half a minute" in caplog.text
    COPIES._off_until = 0.0


def test_instances_share_nothing_that_could_change(near: Any) -> None:
    first, second = near.get(1), near.get(1)
    assert first is not second
    first.title = "changed"
    assert near.get(1).title == second.title == "a0"


@pytest.mark.django_db(transaction=True)
def test_values_that_could_change_in_place_are_each_instance_s_own() -> None:
    from django.db import models

    columns = {"data": models.JSONField(null=True)}
    with made(columns, near=0.5) as cache:
        pk = cache.create(data={"list": [1]}).pk
        copied(cache, pk)
        one = cache.get(pk)
        one.data["list"].append(2)
        assert cache.get(pk).data == {"list": [1]}
    stop_listening()


@pytest.mark.parametrize("seconds", [0.2, 0, -1, "1", True, float("nan")])
def test_a_near_that_is_no_time_is_refused(notes: Any, seconds: Any) -> None:
    refused = pytest.raises(ImproperlyConfigured, match=r"near = .*a number of seconds from 0\.25 on")
    with refused, near_notes.registered(seconds):
        pass


def test_without_near_nobody_listens(notes: Any) -> None:
    roles.reset()
    notes.read_many([1, 2])
    notes.read_many([1, 2])
    assert notes.table.near is None
    assert COPIES.listeners() == []


def test_ping_says_that_nobody_may_listen(near: Any, redis_cache: redis.Redis, settings: Any) -> None:
    assert near_state.sentences() == []
    with forbidden(redis_cache, settings, "CACHE_URL", "client"):
        warnings = [each for each in ping.warnings(CACHE) if "TRACKING" in each]
        assert len(warnings) == len(CACHE.servers())
        assert all("refuses CLIENT TRACKING, so nobody reads copies" in each for each in warnings)


def test_copies_that_are_read_are_counted_by_model(near: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats.test_runs, "is_under_way", lambda *using: False)
    copied(near, 1)

    def counted() -> int:
        stats.send()
        return stats.totals().get("near:note", 0)

    before = until(counted)
    for _ in range(20):
        near.get(1)
    until(lambda: counted() >= before + 15)
    samples = until(lambda: said if "near_copies{unit=" in (said := metrics.exposition().decode()) else "")
    assert 'cachedemo_reads_total{model="note",origin="near"}' in samples
    assert 'cachedemo_near_copies{unit="rows"} 2.0' in samples
    assert 'cachedemo_near_processes{state="listening"} 1.0' in samples
    assert "cachedemo_near_delay_seconds_bucket" in samples
