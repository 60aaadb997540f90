"""The traces of the model in which an operator switches off and on (its actors N and I), forced on the real code.

A process with `CACHEDEMO["ENABLED"] = False` writes the row without a step in either server (actor A).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from cachedemo.exceptions import CachedemoError, Refused
from cachedemo.model_cache import ModelCache
from cachedemo.operations import switch
from tests.helpers import until
from tests.interleaving import Actor
from tests.notes.models import Note
from tests.notes.rows import stored, stored_title

Act = Callable[[Callable[[], Any]], Actor]

OFF = ["HSET", "close", "reap", "claim", "SCAN", "drop", "end_closing"]
ON = ["SCAN", "open", "open_tables"]
EVERY_WRITE = [
    lambda notes: notes.via("cache-aside").update(1, title="new"),
    lambda notes: notes.via("write-through").update(1, title="new"),
    lambda notes: notes.via("write-behind").update(1, title="new"),
    lambda notes: notes.via("write-through").create(pk=9, title="new", body="b").delete(),
    lambda notes: Note.objects.filter(pk=1).update(title="new"),
    lambda notes: saved("new"),
]


def chosen() -> list[ModelCache]:
    return switch.models(["notes.Note"])


def off() -> switch.Done:
    return switch.off(chosen(), "boss", timeout=5)


def on() -> switch.Done:
    return switch.on(chosen())


def state() -> str:
    return switch.standings(chosen())[0].state


def saved(title: str) -> None:
    note = Note.objects.get(pk=1)
    note.title = title
    note.save()


@contextlib.contextmanager
def another_process_that_is_off() -> Iterator[None]:
    with override_settings(CACHEDEMO={**settings.CACHEDEMO, "ENABLED": False}):
        yield


@pytest.fixture
def other(notes: ModelCache) -> ModelCache:
    """The same registration in another process, which knows nothing of what this one is told."""
    other = type(notes)(Note)
    other.announce()
    return other


def test_a_reader_under_way_fills_nothing_that_outlives_the_sweep(notes: Any, other: ModelCache, actor: Act) -> None:
    operator = actor(off).until("end_closing")
    reader = actor(lambda: other.get(1)).until("fill")
    operator.finish()
    with another_process_that_is_off():
        notes.update(1, title="new")
    reader.finish()
    assert other.get(1).title == "new"


def test_no_version_is_forgotten_before_its_slots_are_empty(notes: Any, other: ModelCache, actor: Act) -> None:
    other.get(1)
    operator = actor(off).until("SCAN")
    notes.announce()  # and is told, so it marks nothing, and asks the cache only where a version is named
    notes.via("write-through").update(1, title="new")
    assert other.get(1).title == "new"
    operator.finish()
    assert other.get(1).title == "new"


def test_what_waits_is_written_before_it_is_off(notes: Any, redis_queue: Any) -> None:
    notes.via("write-behind").update(1, title="new")
    off()
    with another_process_that_is_off():
        notes.update(1, body="b1")
    assert stored() == ("new", "b1")


def test_a_write_that_comes_to_the_queue_too_late_goes_to_the_database(notes: Any, other: Any, actor: Act) -> None:
    writer = actor(lambda: other.via("write-behind").update(1, title="new")).until("enqueue")
    off()
    writer.finish()
    assert stored_title() == "new"


def test_who_was_overtaken_by_who_switches_on_ends_nothing(notes: Any, actor: Act) -> None:
    operator = actor(off).until("end_closing")
    on()
    notes.announce()
    notes.get(1)
    with pytest.raises(Refused, match="meanwhile"):
        operator.finish()
    assert state() == switch.ON


def test_who_was_overtaken_by_who_switches_off_anew_opens_nothing(notes: Any, actor: Act) -> None:
    off()
    operator = actor(on).until("open")
    on()
    off()
    with pytest.raises(Refused, match="meanwhile"):
        operator.finish()
    assert state() == switch.CLOSED


def test_what_comes_back_to_the_cache_while_it_is_off_is_not_there_when_it_is_on(notes: Any, redis_cache: Any) -> None:
    notes.get(1)
    old = redis_cache.get("v1:note:1")
    off()
    with another_process_that_is_off():
        notes.update(1, title="new")
    redis_cache.set("v1:note:1", old, ex=60)
    on()
    notes.announce()
    assert notes.get(1).title == "new"


def test_with_a_dead_letter_it_does_not_count_as_off(notes: Any) -> None:
    notes.table.queue.enqueue(1, 0, 1000, {"title": "refused"}, None)
    [claim], _ = notes.table.queue.claim(500, 600, 5)
    notes.table.queue.bury(claim, "IntegrityError: no")
    [left] = off().left
    assert (left.dead, state()) == (1, "closing")
    assert notes.get(1).title == "refused"  # so a process that asks no queue would show what was never acknowledged
    notes.table.queue.discard(["1"])
    assert off().left == []
    assert state() == switch.CLOSED


@pytest.mark.parametrize("write", EVERY_WRITE)
@pytest.mark.parametrize("step", OFF)
def test_killed_before_any_step_of_off_all_go_on_and_it_is_begun_again(
    notes: Any, other: Any, actor: Act, step: str, write: Any
) -> None:
    other.get(1)
    actor(off).until(step).kill()
    write(notes)
    assert other.get(1).title == notes.get(1).title == _expected()
    off()
    assert state() == switch.CLOSED
    with another_process_that_is_off():
        notes.update(1, title="direct")
    assert other.get(1).title == notes.get(1).title == "direct"


@pytest.mark.parametrize("step", ON)
def test_killed_before_any_step_of_on_all_go_on_and_it_is_begun_again(
    notes: Any, other: Any, actor: Act, redis_cache: Any, step: str
) -> None:
    off()
    actor(on).until(step).kill()
    notes.via("write-behind").update(1, title="new")
    assert other.get(1).title == notes.get(1).title == "new"
    on()
    assert state() == switch.ON
    until(lambda: notes.get(1) and redis_cache.exists("v1:note:1"))
    notes.via("write-through").update(1, title="newer")
    assert other.get(1).title == notes.get(1).title == "newer"


def _expected() -> str:
    """A queued write is in the database, or shown over it."""
    from cachedemo import cache_for

    return str(cache_for(Note).table.queue.pending([1], "1")[0][0].get("title", (0, stored_title()))[1])


@pytest.mark.parametrize("write", EVERY_WRITE)
def test_a_write_under_way_when_it_is_switched_on_leaves_no_old_slot(
    notes: Any, other: Any, actor: Act, write: Any
) -> None:
    off()
    notes.announce()
    other.announce()  # both are told
    writer = actor(lambda: write(notes)).try_until("commit")
    on()
    other.announce()
    other.get(1)
    writer.finish()
    assert other.get(1).title == stored_title()


def test_without_the_queue_nothing_is_switched_and_nobody_trusts_what_he_knew(
    notes: Any, other: Any, queue_server: Any, short_timeouts: None
) -> None:
    other.get(1)
    off()
    queue_server.kill()
    for action in (off, on):
        with pytest.raises(CachedemoError):
            action()
    for cache in (notes, other):
        with pytest.raises(CachedemoError):
            cache.get(1)


def test_without_the_cache_it_is_begun_and_not_finished(
    notes: Any, other: Any, cache_server: Any, short_timeouts: None
) -> None:
    cache_server.kill()
    with pytest.raises(CachedemoError):
        off()
    assert state() == "closing"
    notes.via("write-behind").update(1, title="new")
    assert stored_title() == other.get(1).title == "new"
