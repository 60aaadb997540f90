"""A queue in shards: where rows wait, and what becomes of them while the number of shards changes.

The model of it is tests/shard_model.py; tests/faults/test_shard_kills.py kills it before each of its steps.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import redis

from cachedemo import cache_for, tasks
from cachedemo.exceptions import QueueUnavailable, Refused
from cachedemo.operations import dead_letters, shard_change, summary, switch, version_deletion
from cachedemo.protocol import flush, shards
from cachedemo.protocol.shard_tables import of_each_shard
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.rows import stored_title

ROWS = range(1, 41)


@pytest.fixture
def many(notes: Any) -> Any:
    """The notes with 40 rows and a queue of one shard."""
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0") for pk in ROWS if pk > 2])
    return notes


@pytest.fixture
def sharded(many: Any) -> Any:
    """The same with a queue of four shards."""
    shard_change.change(many, 4)
    return many


def titles(notes: Any) -> dict[int, str]:
    return {pk: note.title for pk, note in notes.get_many(ROWS).items()}


def write_behind(notes: Any, title: str) -> None:
    for pk in ROWS:
        notes.via("write-behind").update(pk, title=title)


def keys(redis_queue: redis.Redis, pattern: str) -> list[str]:
    return sorted(key.decode() for key in redis_queue.scan_iter(pattern))


def test_a_queue_of_one_shard_has_the_keys_that_it_has_always_had(notes: Any, redis_queue: redis.Redis) -> None:
    notes.via("write-behind").update(1, title="a1")
    assert keys(redis_queue, "*flush:notes*") == [
        "flush:notes",
        *(f"{{flush:notes}}:{part}" for part in ("clock", "pending", "row:1", "versions")),
    ]


def test_the_key_of_a_row_decides_in_which_shard_it_waits(sharded: Any, redis_queue: redis.Redis) -> None:
    write_behind(sharded, "a1")
    waiting = [redis_queue.lrange(f"flush:notes#{each}/4", 0, -1) for each in range(4)]
    assert all(waiting)
    assert sorted(int(pk) for pks in waiting for pk in pks) == list(ROWS)
    assert all(shards.place(pk.decode(), 4) == each for each, pks in enumerate(waiting) for pk in pks)


def test_the_place_of_a_row_is_the_same_in_every_process() -> None:
    assert [shards.place(pk, 4) for pk in (1, "1", "ada", "ä")] == [3, 3, 0, 3]


@pytest.mark.parametrize("numbers", [(4,), (4, 2), (4, 2, 4), (3, 1), (1024, 1)])
def test_what_waits_is_flushed_and_shown_whatever_the_number_of_shards_becomes(many: Any, numbers: tuple[int]) -> None:
    for number in numbers:
        write_behind(many, f"before {number}")
        assert shard_change.change(many, number).flushed == len(ROWS)
        assert {stored_title(pk) for pk in ROWS} == {f"before {number}"}
        write_behind(many, f"after {number}")
        assert set(titles(many).values()) == {f"after {number}"}
    assert many.drain() == len(ROWS)
    assert {stored_title(pk) for pk in ROWS} == {f"after {numbers[-1]}"}


def test_a_process_with_an_old_number_asks_for_the_new_one(sharded: Any, redis_cache: redis.Redis) -> None:
    other = type(sharded)(Note)  # as another process has it, which takes the queue for one shard
    sharded.via("write-behind").update(1, title="a1")
    redis_cache.flushdb()
    assert other.get(1).title == "a1"
    other.via("write-behind").update(2, title="a2")
    other.via("cache-aside").update(3, title="a3")
    assert len(other.table.queue.known_parts()) == 4
    assert sharded.table.queue.depth() == 2


def test_stamps_of_the_new_shards_are_above_those_of_the_old(many: Any, redis_queue: redis.Redis) -> None:
    ahead = 3_999_999_000_000_000
    redis_queue.set("{flush:notes}:clock", ahead)
    many.via("write-behind").update(1, title="a1")
    shard_change.change(many, 4)
    many.via("write-behind").update(1, title="a2")
    many.drain()
    assert stored_title() == "a2"
    assert all(int(redis_queue.get(f"{{flush:notes#{each}/4}}:clock") or 0) > ahead for each in range(4))


def test_dead_letters_move_and_are_retried_where_they_are_then(many: Any, redis_cache: redis.Redis) -> None:
    queue = many.table.queue
    many.via("write-behind").update(1, title="a1")
    [claim], _ = queue.claim(1, 30, 3)
    queue.bury(claim, "refused")
    shard_change.change(many, 4)
    redis_cache.flushdb()
    assert many.get(1).title == "a1"
    assert queue.dead_count() == 1
    assert dead_letters.retry(many, ["1"]) == 1
    many.drain()
    assert stored_title() == "a1"


def test_a_writer_under_way_stays_owed_and_settles_up_where_its_row_is_then(many: Any) -> None:
    queue, token = many.table.queue, "0" * 16
    stamped = queue.stamp(1, token, 15, 0, "1")
    shard_change.change(many, 4)
    assert [part.owed()[0] for part in queue.parts()] == [0, 0, 0, 1]
    queue.settle_up(1, token, stamped.stamp, ["1"], "1")
    assert queue.owed()[0] == 0


def test_no_write_waits_of_a_row_that_was_deleted_before_the_change(many: Any) -> None:
    Note.objects.get(pk=1).delete()
    shard_change.change(many, 4)
    assert many.table.queue.part_of(1) is not many.table.queue.parts()[0]
    with pytest.raises(Exception, match="gone"):
        many.table.queue.enqueue(1, 0, 100, {"title": "a1"})


def test_one_stamp_is_above_the_clocks_of_all_shards(sharded: Any, redis_queue: redis.Redis) -> None:
    redis_queue.set("{flush:notes#0/4}:clock", 3_000_000_000_000_000)  # another server's clock may be ahead
    write_behind(sharded, "a1")
    assert Note.objects.filter(pk__in=ROWS).update(body="b1") == len(ROWS)
    rows = Note.objects.filter(pk__in=ROWS).values_list("title", "body", "cache_stamp")
    assert {row[:2] for row in rows} == {("a1", "b1")}
    assert len({row[2] for row in rows}) == 1
    write_behind(sharded, "a2")
    Note.objects.filter(pk__in=ROWS).update(title="a3")
    sharded.drain()
    assert {stored_title(pk) for pk in ROWS} == {"a3"}
    write_behind(sharded, "a4")
    sharded.drain()
    assert {stored_title(pk) for pk in ROWS} == {"a4"}


@pytest.mark.parametrize(("max_pending", "waiting"), [(0, 0), (1, 4), (10, 12)])
def test_a_bound_of_what_waits_is_shared_out_rounded_up(
    sharded: Any, monkeypatch: pytest.MonkeyPatch, max_pending: int, waiting: int
) -> None:
    monkeypatch.setattr(sharded.table.options, "max_pending", max_pending)
    write_behind(sharded, "a1")
    assert sharded.table.queue.depth() == waiting
    assert {titles(sharded)[pk] for pk in ROWS} == {"a1"}


def test_a_flush_of_one_shard_leaves_the_others(sharded: Any) -> None:
    write_behind(sharded, "a1")
    first, *others = of_each_shard(sharded.table)
    flushed = flush.drain(first)
    assert 0 < flushed < len(ROWS)
    assert sharded.table.queue.depth() == len(ROWS) - flushed
    assert sum(map(flush.drain, others)) == len(ROWS) - flushed


def test_a_request_for_a_flush_becomes_one_for_each_shard(sharded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "test_runs", SimpleNamespace(is_under_way=lambda: False))
    monkeypatch.setattr(tasks, "request_flush", asked.append)
    write_behind(sharded, "a1")
    tasks.flush("flush:notes")
    assert asked == [f"flush:notes#{each}/4" for each in range(4)]
    assert sharded.table.queue.in_line() == len(ROWS)
    tasks.flush(asked[0])
    assert [part.in_line() > 0 for part in sharded.table.queue.parts()] == [False, True, True, True]


def test_a_request_for_a_shard_that_is_no_more_is_one_for_all(sharded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "test_runs", SimpleNamespace(is_under_way=lambda: False))
    monkeypatch.setattr(tasks, "request_flush", asked.append)
    shard_change.change(sharded, 2)
    tasks.flush("flush:notes#3/4")
    assert asked == ["flush:notes#0/2", "flush:notes#1/2"]


def test_operators_see_all_shards_together(sharded: Any) -> None:
    write_behind(sharded, "a1")
    [queue] = [each for each in summary.look(1).queues if each.name == "flush:notes"]
    assert queue.waiting == sharded.table.queue.in_line() == len(ROWS)
    assert sharded.drain() == len(ROWS)


def test_writes_go_to_the_database_while_it_changes(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = shard_change._ended

    def sealed(*args: Any) -> int:
        many.via("write-behind").update(1, title="a1")
        seen.append(stored_title())
        return real(*args)

    monkeypatch.setattr(shard_change, "_ended", sealed)
    shard_change.change(many, 4)
    assert seen == ["a1"]


def test_whoever_has_begun_and_died_is_named_to_those_who_wait(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_change, "_fill_all", die)
    with pytest.raises(Died):
        shard_change.change(many, 4)
    monkeypatch.setattr("cachedemo.protocol.operated_shards.PATIENCE", 0.1)
    with pytest.raises(QueueUnavailable, match="run `cache_shards` again, with 4 or another number"):
        many.via("cache-aside").update(1, title="a1")


@pytest.mark.parametrize("step", ["_clear", "_drain", "_end", "_fill", "_open", "last"])
@pytest.mark.parametrize("then", [4, 1, 2])
def test_it_goes_on_or_is_taken_back_wherever_it_was_killed(
    many: Any, monkeypatch: pytest.MonkeyPatch, step: str, then: int
) -> None:
    many.via("write-behind").update(1, title="a1")
    with monkeypatch.context() as patch:
        killed_after_one(patch, step)
        with pytest.raises(Died):
            shard_change.change(many, 4)
    shard_change.change(many, then)
    assert len(many.table.queue.parts()) == then
    assert shard_change.standing(many).now.state == ""
    many.via("write-behind").update(1, title="a2")
    assert cache_for(Note).get(1).title == "a2"
    many.drain()
    assert stored_title() == "a2"


class Died(Exception):
    """As if the process had been killed here."""


def die(*args: Any) -> None:
    raise Died


def killed_after_one(patch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process die after it has taken such a step once; `last` is the note that all is done."""
    from cachedemo.protocol import operated_shards

    scripts = {
        "_open": operated_shards._open_shard,
        "last": operated_shards._set_shards,
    }
    script = scripts.get(step) or getattr(shard_change, step)
    real, taken = operated_shards.OperatedShards.step, []

    def take(self: Any, part: Any, chosen: Any, *arguments: Any) -> Any:
        if len(taken) == (3 if step == "last" else 1):
            raise Died
        answer = real(self, part, chosen, *arguments)
        taken.extend([1] if chosen is script else [])
        return answer

    patch.setattr(operated_shards.OperatedShards, "step", take)


def test_a_run_that_was_overtaken_does_nothing_more(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shard_change._fill_all

    def overtaken(*args: Any) -> None:
        monkeypatch.setattr(shard_change, "_fill_all", real)
        shard_change.change(many, 2)
        many.via("write-behind").update(1, title="a1")
        real(*args)

    monkeypatch.setattr(shard_change, "_fill_all", overtaken)
    with pytest.raises(Refused, match="Somebody else"):
        shard_change.change(many, 4)
    assert len(many.table.queue.parts()) == 2
    many.drain()
    assert stored_title() == "a1"


def test_nothing_changes_while_it_is_switched_off_nor_the_other_way_round(
    sharded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.off(switch.models(["notes.Note"]), "boss", timeout=5)
    with pytest.raises(Refused, match="switched off"):
        shard_change.change(sharded, 2)
    switch.on(switch.models(["notes.Note"]))
    monkeypatch.setattr(shard_change, "_ended", die)
    with pytest.raises(Died):
        shard_change.change(sharded, 2)
    with pytest.raises(Refused, match="is being changed"):
        switch.off(switch.models(["notes.Note"]), "boss", timeout=5)


def test_it_can_be_switched_off_and_on_in_shards(sharded: Any) -> None:
    write_behind(sharded, "a1")
    assert switch.off(switch.models(["notes.Note"]), "boss", timeout=5).flushed == len(ROWS)
    assert switch.standings(switch.models(["notes.Note"]))[0].state == "closed"
    switch.on(switch.models(["notes.Note"]))
    write_behind(sharded, "a2")
    assert set(titles(sharded).values()) == {"a2"}


def test_a_version_is_deleted_in_all_shards(sharded: Any, redis_queue: redis.Redis) -> None:
    version_deletion.begin(sharded, "1", "boss", even_current=True)
    states = [redis_queue.hget(f"{{flush:notes#{each}/4}}:versions", "1") for each in range(4)]
    assert all(b'"retiring"' in (state or b"") for state in states)
    with pytest.raises(Refused, match="is being deleted"):
        shard_change.change(sharded, 2)
    assert shard_change.standing(sharded).now[:3] == (4, 4, "")
    version_deletion.run(sharded, "1")
    assert keys(redis_queue, "*versions") == []
    sharded.announce()
    assert len(keys(redis_queue, "*:versions")) == 4


def test_a_version_of_a_release_without_shards_refuses_the_change(many: Any, redis_queue: redis.Redis) -> None:
    record = redis_queue.hget("{flush:notes}:versions", "1").replace(b'"shards"', b'"others"')
    redis_queue.hset("{flush:notes}:versions", "1", record)
    with pytest.raises(Refused, match="knows no shards"):
        shard_change.change(many, 4)


def test_a_new_queue_begins_with_the_registered_number(notes: Any, redis_queue: redis.Redis) -> None:
    redis_queue.flushdb()
    fresh = type("NoteCache", (type(notes),), {"queue_shards": 3})(Note)
    fresh.announce()
    fresh.via("write-behind").update(1, title="a1")
    assert len(fresh.table.queue.parts()) == 3
    assert notes.get(1).title == "a1"


def test_one_that_is_in_use_does_not_and_it_is_said(many: Any) -> None:
    other = type("NoteCache", (type(many),), {"queue_shards": 3})(Note)
    other.announce()
    assert len(other.table.queue.parts()) == 1
    assert shard_change.sentences([other]) == [
        "flush:notes has 1 shard. Its registration says 3, which only a new queue takes: run `cache_shards`, or say it "
        "there."
    ]


def test_an_emptied_queue_server_is_a_new_queue_for_everybody(sharded: Any, redis_queue: redis.Redis) -> None:
    redis_queue.flushdb()
    sharded.via("write-behind").update(1, title="a1")
    other = type(sharded)(Note)
    other.announce()
    assert other.table.queue.depth() == 1
