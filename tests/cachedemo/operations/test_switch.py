"""Switching off and on: which models and databases, what processes are told, and where it is said.

The races of it are in tests/races/test_switch_races.py.
"""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client, override_settings
from django.urls import reverse

from cachedemo import announce_all, cache_for
from cachedemo.exceptions import Refused, UnknownDatabase
from cachedemo.operations import metrics, ping, switch
from cachedemo.protocol import announced_tables
from cachedemo.servers.roles import QUEUE
from tests.helpers import until
from tests.interleaving import interleaving
from tests.notes.models import Note
from tests.notes.rows import stored_title
from tests.processes import Process

READER = """
from cachedemo import cache_for
from tests.notes.models import Note
cache_for(Note).get(1)
print("cached", flush=True)
for line in iter(lambda: open("{signal}").read(), "end"):
    if line == "read":
        print("read", cache_for(Note).get(1).title, flush=True)
        break
"""


@pytest.fixture
def is_off(notes: Any) -> Any:
    notes.get(1)
    switch.off(switch.models(), "boss", timeout=5)
    return notes


@pytest.fixture
def second(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The alias of a second database, with no tables yet."""
    from cachedemo import registry

    monkeypatch.setitem(
        connections.settings, "acme", {**connections["default"].settings_dict, "NAME": str(tmp_path / "acme.sqlite3")}
    )
    yield "acme"
    registry._of_others.clear()


def state(label: str = "notes.Note") -> str:
    return switch.standings(switch.models([label]))[0].state


def test_while_it_is_off_no_call_asks_the_cache(is_off: Any, cache_server: Any) -> None:
    is_off.announce()  # and is told
    cache_server.kill()
    with interleaving() as actor:
        for work in (
            lambda: is_off.get(1),
            lambda: is_off.get_many([1, 2]),
            lambda: is_off.via("cache-aside").update(1, title="a"),
            lambda: is_off.via("write-through").update(1, title="b"),
            lambda: is_off.via("write-behind").update(1, title="c"),
            lambda: is_off.create(pk=9, title="d", body="d"),
            lambda: Note.objects.filter(pk=1).update(body="e"),
            lambda: is_off.flush(),
            lambda: is_off.evict([1]),
        ):
            done = actor(work)
            done.finish()
            assert {"get", "lease", "fill", "mark", "finish", "publish", "drop", "settle"}.isdisjoint(done.steps)
    assert stored_title() == is_off.get(1).title == "c"


def test_a_process_that_was_stopped_before_and_goes_on_after_it_reads_what_is_new(
    notes: Any, run_code: Any, tmp_path: Any
) -> None:
    orders = tmp_path / "orders"
    orders.write_text("")
    reader: Process = run_code(READER.format(signal=orders))
    reader.says("cached", timeout=30)
    os.kill(reader.pid, signal.SIGSTOP)
    switch.off(switch.models(), "boss", timeout=5)
    with override_settings(CACHEDEMO={"ENABLED": False}):
        notes.update(1, title="new")
    orders.write_text("read")
    os.kill(reader.pid, signal.SIGCONT)
    reader.says("read new")


def test_it_is_used_again_soon_after_it_is_on(is_off: Any, redis_cache: Any) -> None:
    is_off.get(1)
    assert list(redis_cache.scan_iter()) == []
    switch.on(switch.models())
    until(lambda: is_off.get(1) and redis_cache.exists("v1:note:1"))
    is_off.via("write-behind").update(1, title="new")
    assert (stored_title(), is_off.get(1).title) == ("a0", "new")


def test_a_second_time_changes_nothing(is_off: Any, redis_queue: Any) -> None:
    note = redis_queue.get("{flush:notes}:closed")
    done = switch.off(switch.models(), "somebody else", timeout=5)
    assert (done, redis_queue.get("{flush:notes}:closed")) == (switch.Done(0, 0, []), note)
    switch.on(switch.models())
    assert switch.on(switch.models()) == switch.Done(0, 0, [])
    assert list(redis_queue.scan_iter("*closed*")) == []


def test_one_model_is_switched_and_the_others_go_on(notes: Any, users: Any, people: Any, redis_cache: Any) -> None:
    for cache in (notes, users):
        cache.get(1)
    done = switch.off(switch.models(["notes.note"]), "boss", timeout=5)
    assert (state(), state("users.User"), done.slots) == ("closed", "on", 1)
    assert [key.split(b":")[1] for key in redis_cache.scan_iter("v*")] == [b"user"]


def test_every_version_s_slots_are_emptied(notes: Any, redis_cache: Any) -> None:
    mine = ("v1:note:1", "v7:note:1", "v7:note:odd:user:9", "v7:note/title:hint")
    others = ("v1:user:1", "xv1:note:1", "v1:note@acme:1", "vx:note:1")
    for key in mine + others:
        redis_cache.set(key, "V")
    switch.off(switch.models(["notes.Note"]), "boss", timeout=5)
    assert {key.decode() for key in redis_cache.scan_iter()} == set(others)
    redis_cache.flushdb()


def test_a_database_that_is_new_while_it_is_off_is_off_as_well(is_off: Any, second: str) -> None:
    there = cache_for(Note, using=second)
    there.announce()
    assert (there.table.announced, there.table.queue.versions()) == (None, {})
    assert {each.queue: each.state for each in switch.standings()}["flush:notes@acme"] == "closed"
    switch.on(switch.models())
    there.announce()
    assert there.table.announced


def test_each_database_of_a_model_is_switched(notes: Any, second: str) -> None:
    there = cache_for(Note, using=second)
    there.announce()
    switch.off(switch.models(["notes.Note"]), "boss", timeout=5)
    assert [each.state for each in switch.standings(switch.models(["notes.Note"]))] == ["closed", "closed"]
    there.announce()
    assert there.table.announced is None


def test_a_database_that_is_not_known_here_is_refused_before_anything_is_done(notes: Any, redis_queue: Any) -> None:
    redis_queue.sadd("{cachedemo}:tables", "notes.Note@elsewhere")
    for action in (lambda: switch.off(switch.models(), "boss"), lambda: switch.on(switch.models())):
        with pytest.raises(UnknownDatabase, match="elsewhere"):
            action()
    assert list(redis_queue.scan_iter("*closed*")) == []


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["notes.Nothing"], "No model"), (["notes.Tag"], "no queue"), (["users.User", "notes.Tag"], "no queue")],
)
def test_what_cannot_be_told_is_refused_by_name(labels: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        switch.models(labels)


def test_models_without_a_queue_are_named_and_left_out() -> None:
    assert switch.without_queue() == ["notes.Tag"]
    assert "notes.Tag" not in {cache.model._meta.label for cache in switch.models()}


def test_a_drain_that_takes_too_long_leaves_it_begun(notes: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    notes.table.queue.claim(1, 600, 5)  # somebody has it, and does not come back
    with pytest.raises(TimeoutError):
        switch.off(switch.models(["notes.Note"]), "boss", timeout=0.1)
    assert state() == "closing"
    assert notes.get(1).title == "new"


def test_it_is_said_wherever_one_looks(
    is_off: Any, client: Client, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    said = "flush:notes is switched off since"
    assert any(said in sentence and "by boss" in sentence for sentence in ping.warnings(QUEUE))
    answer = client.get(reverse("readyz"))
    assert (answer.status_code, "flush:notes" in answer.json()["switched_off"]) == (200, True)
    assert said in admin_client.get(reverse("admin:cachedemo_cache_changelist")).content.decode()
    assert 'cachedemo_switched_off{queue="flush:notes"} 1.0' in metrics.exposition().decode()
    announce_all()
    assert any(said in message for message in caplog.messages)


def test_nothing_is_said_while_it_is_on(notes: Any, client: Client, admin_client: Client) -> None:
    assert switch.sentences() == []
    assert client.get(reverse("readyz")).json()["switched_off"] == []
    assert "switched off" not in admin_client.get(reverse("admin:cachedemo_cache_changelist")).content.decode()
    assert 'cachedemo_switched_off{queue="flush:notes"} 0.0' in metrics.exposition().decode()


def test_a_worker_that_is_told_does_not_speak_of_a_loss(
    is_off: Any, notes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    other = type(notes)(Note)
    switch.on(switch.models())
    other.announce()
    switch.off(switch.models(), "boss", timeout=5)
    other.flush()
    assert (other.table.announced, bool(other.table.closed)) == (None, True)
    assert not any("taken off" in message for message in caplog.messages)


def test_the_note_of_a_model_is_no_table(is_off: Any) -> None:
    assert "notes.Note" in announced_tables.aliases()
    assert announced_tables.closed("notes.Note")


def test_a_queue_is_moved_while_processes_use_the_old_and_the_new_one(is_off: Any, settings: Any) -> None:
    old = settings.CACHEDEMO
    new = {**old, "QUEUE_URL": old["QUEUE_URL"].rpartition("/")[0] + "/9"}
    with override_settings(CACHEDEMO=new):
        switch.off(switch.models(), "boss", timeout=5)
        assert is_off.via("write-behind").write(1, {"title": "new"}).reason == "closed"
    assert is_off.get(1).title == "new"
    is_off.update(1, title="old")
    with override_settings(CACHEDEMO=new):
        assert is_off.get(1).title == "old"
        switch.on(switch.models())
        until(lambda: not is_off.via("write-behind").write(1, {"title": "moved"}).reason)  # they hear of it soon
        is_off.drain()
    assert stored_title() == "moved"
