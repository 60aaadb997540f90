"""Versions: two releases side by side during a deploy, and one number that means two things."""

import json
from unittest import mock

import pytest

from cachedemo import ModelCache, Pattern, cache_for
from cachedemo.exceptions import OutcomeUnknown, VersionConflict
from cachedemo.operations import deletion_progress, version_deletion
from tests.helpers import past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note


class Older(ModelCache):
    """Last week's release: it knows no body."""

    fields = ["title"]


class Newer(ModelCache):
    fields = ["title", "body", "secret"]
    version = 2


@pytest.fixture
def older(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0", secret="s0")])
    older = Older(Note)
    older.announce()
    return older


@pytest.fixture
def newer(older):
    newer = Newer(Note)
    newer.announce()
    return newer


@pytest.mark.parametrize("pattern", Pattern)
def test_a_write_in_one_version_is_read_in_the_other(older, newer, pattern):
    older.get(1), newer.get(1)
    older.via(pattern).update(1, title="a1")
    assert newer.get(1).title == older.get(1).title == "a1"
    newer.via(pattern).update(1, title="a2", body="b2")
    assert older.get(1).title == newer.get(1).title == "a2"
    newer.drain(timeout=5)
    assert older.get(1).title == newer.get(1).title == "a2"
    assert newer.get(1).body == "b2"


def test_a_save_and_a_delete_empty_the_slots_of_both(older, newer):
    older.get(1), newer.get(1)
    note = Note.objects.get(pk=1)
    note.title = "a1"
    note.save()
    assert older.get(1).title == newer.get(1).title == "a1"
    Note.objects.all().delete()
    for notes in (older, newer):
        with pytest.raises(Note.DoesNotExist):
            notes.get(1)


def test_a_version_that_appears_while_a_write_is_under_way_is_seen_to(older):
    newer = Newer(Note)
    with interleaving() as actor:
        writer = actor(lambda: older.via("write-through").update(1, title="a1")).step("stamp")
        newer.get(1)
        writer.finish()
    assert newer.get(1).title == "a1"


def test_an_older_release_does_not_lose_a_field_it_does_not_know(older, newer):
    newer.via("write-behind").update(1, secret="s1")
    older.via("write-behind").update(1, title="a1")
    assert newer.get(1).secret == "s1"
    assert older.flush() == 1  # parked
    assert Note.objects.get(pk=1).secret == "s0"
    older.table.queue.release(["1"])
    newer.drain(timeout=5)
    assert Note.objects.values_list("title", "secret").get(pk=1) == ("a1", "s1")


def test_the_same_number_with_other_fields_is_refused_with_the_mend(older):
    other = type("Other", (ModelCache,), {"fields": ["title", "body"]})(Note)
    with pytest.raises(VersionConflict, match="raise `version` in its registration to 2"):
        other.announce()
    with pytest.raises(VersionConflict):
        other.get(1)


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize(
    "write",
    [
        lambda cache: cache.update(1, title="a1"),
        lambda cache: cache.create(id=7, title="a1"),
        lambda cache: cache.delete(1),
    ],
)
def test_a_process_that_never_announced_is_refused_at_its_first_write_too(older, pattern, write):
    other = type("Other", (ModelCache,), {"fields": ["title", "body"]})(Note)
    with pytest.raises(VersionConflict):
        write(other.via(pattern))
    assert list(Note.objects.values_list("pk", "title")) == [(1, "a0")]
    older.via("write-through").update(1, title="a2")
    assert older.get(1).title == "a2"


def test_a_version_that_was_taken_off_does_not_fill_before_it_has_announced_itself(older, redis_queue, redis_cache):
    older.get(1)
    redis_cache.flushdb()
    redis_queue.hdel("{flush:notes}:versions", "1")
    assert older.get(1).title == "a0"
    assert redis_cache.get("v1:note:1") is None
    assert older.get(1).title == "a0"
    assert redis_cache.get("v1:note:1") is not None
    assert redis_queue.hexists("{flush:notes}:versions", "1")


def test_a_version_that_is_being_retired_does_not_fill(older, redis_queue, redis_cache):
    record = json.loads(redis_queue.hget("{flush:notes}:versions", "1"))
    redis_queue.hset("{flush:notes}:versions", "1", json.dumps({**record, "state": "retiring"}))
    for _ in range(3):
        assert older.get(1).title == "a0"
        assert redis_cache.dbsize() == 0


def test_processes_announce_what_is_registered(transactional_db, redis_queue, people):
    cache_for(Note).get_many([1])
    record = json.loads(redis_queue.hget("{flush:notes}:versions", "1"))
    assert record["fields"] == ["body", "size", "title"]
    assert record["state"] == "live"


@pytest.mark.parametrize("arguments", [("-c", "import config.wsgi"), ("-m", "celery", "-A", "config", "worker")])
def test_a_process_with_a_conflicting_version_refuses_to_start(run_python, redis_queue, arguments):
    other = json.dumps({"state": "live", "since": 0, "fields": ["title"]})
    redis_queue.hset("{flush:notes}:versions", "1", other)
    process = run_python(*arguments)
    assert process.wait(30) != 0
    assert "raise `version` in its registration to 2" in process.output()


def test_a_process_starts_although_the_queue_is_away(run_python, queue_server):
    queue_server.stop()
    assert "is not announced yet" in run_python("-c", "import config.wsgi").finish()


def test_a_writer_whose_version_nobody_has_announced_announces_it(transactional_db):
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0")])
    older, newer = Older(Note), Newer(Note)
    newer.announce()
    older.via("write-through").update(1, title="a1")
    newer.via("write-through").update(1, title="a2")
    assert older.get(1).title == "a2"


@pytest.mark.parametrize("pattern", Pattern)
def test_a_writer_whose_version_was_deleted_leaves_nothing_that_nobody_sees_to(older, newer, pattern):
    older.get(1), newer.get(1)
    version_deletion.begin(older, "1", "olga", even_current=True)
    version_deletion.run(older, "1")
    older.via("write-through").update(1, title="a1")
    newer.via(pattern).update(1, title="a2")
    assert older.get(1).title == "a2"


def test_a_writer_fills_no_version_that_is_being_deleted(older, redis_cache):
    older.get(1)
    version_deletion.begin(older, "1", "olga", even_current=True)
    older.via("write-through").update(1, title="a1")
    assert redis_cache.dbsize() == 0
    assert older.get(1).title == "a1"


def test_a_writer_under_way_when_its_version_is_retired_is_waited_for(older, redis_cache, monkeypatch):
    """It got its stamp before, so it fills the slot behind the first sweep."""
    swept = []
    sweep = version_deletion._sweep
    monkeypatch.setattr(version_deletion, "_sweep", lambda *words: swept.append(sweep(*words)) or swept[-1])
    older.get(1)
    with interleaving() as actor:
        writer = actor(lambda: older.via("write-through").update(1, title="a1")).step("stamp")
        version_deletion.begin(older, "1", "olga", even_current=True)
        monkeypatch.setattr(version_deletion, "_wait_for", lambda *_: writer.finish())
        assert version_deletion.run(older, "1").state == "done"
    assert len(swept) == 2
    assert redis_cache.dbsize() == 0


def test_a_cancel_at_the_last_moment_leaves_the_version_served_and_written(older, newer, monkeypatch):
    end = deletion_progress.end

    def cancelled_before(cache, version, deletion):
        assert version_deletion.cancel(cache, version)
        older.get(1)
        return end(cache, version, deletion)

    older.get(1)
    monkeypatch.setattr(deletion_progress, "end", cancelled_before)
    version_deletion.begin(newer, "1", "olga")
    assert version_deletion.run(newer, "1").state == deletion_progress.CANCELLED
    newer.update(1, title="a2")
    assert older.get(1).title == "a2"


def test_a_straggler_of_a_deleted_version_does_not_fill_by_writing(older, newer, redis_cache):
    older.get(1)
    version_deletion.begin(newer, "1", "olga")
    version_deletion.run(newer, "1")
    older.via("write-through").update(1, title="a1")
    assert redis_cache.get("v1:note:1") is None
    newer.update(1, title="a2")
    assert older.get(1).title == "a2"


def test_a_create_whose_version_is_deleted_before_it_fills_leaves_nothing_there(older, newer, redis_cache):
    with interleaving() as actor:
        creator = actor(lambda: older.via("write-through").create(id=7, title="a1")).step("stamp")
        delete_version(newer)
        creator.finish()
    assert not redis_cache.exists("v1:note:7")
    newer.update(7, title="a2")
    assert older.get(7).title == newer.get(7).title == "a2"


def test_a_create_fills_no_version_that_was_deleted_and_announced_again_meanwhile(older, newer, redis_cache):
    """A writer that came between the two has seen to no slot of it."""
    with interleaving() as actor:
        creator = actor(lambda: older.via("write-through").create(id=7, title="a1")).step("stamp")
        delete_version(newer)
        creator.until("settle_up")
        newer.update(7, title="a2")
        older.announce()
        creator.finish()
    assert not redis_cache.exists("v1:note:7")
    assert older.get(7).title == newer.get(7).title == "a2"


@pytest.mark.parametrize("before", ["lease", "pending", "row", "fill"])
def test_a_reader_whose_version_is_deleted_before_it_fills_leaves_nothing_there(older, newer, redis_cache, before):
    with interleaving() as actor:
        reader = actor(lambda: older.get(1).title).until(before)
        delete_version(newer)
        assert reader.finish() == "a0"
    assert not redis_cache.exists("v1:note:1")
    newer.update(1, title="a2")
    assert older.get(1).title == newer.get(1).title == "a2"


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("before", range(12))
def test_an_update_whose_version_is_deleted_before_any_of_its_steps_leaves_nothing_there(
    older, newer, redis_cache, pattern, before
):
    older.get(1)
    with interleaving() as actor:
        writer = actor(lambda: older.via(pattern).update(1, title="a1"))
        for _ in range(before):
            if writer.at is not None:
                writer.step(writer.at)
        delete_version(newer)
        writer.finish()
    assert not redis_cache.exists("v1:note:1")
    newer.update(1, title="a2")
    assert older.get(1).title == newer.get(1).title == "a2"


def delete_version(newer):
    """All of it, and nobody who is under way is waited for."""
    version_deletion.begin(newer, "1", "olga")
    with mock.patch.object(version_deletion, "_wait_for"):
        assert version_deletion.run(newer, "1").state == "done"


def test_a_create_that_cannot_settle_up_leaves_no_mark(older, queue_server, redis_cache):
    with interleaving() as actor:
        creator = actor(lambda: older.via("write-through").create(id=7, title="a1")).until("settle_up")
        queue_server.kill()
        with pytest.raises(OutcomeUnknown, match="The database has the write"):
            creator.finish()
    assert not redis_cache.exists("v1:note:7")


def test_a_create_that_cannot_fill_is_owed(older, cache_server, redis_queue):
    with interleaving() as actor:
        creator = actor(lambda: older.via("write-through").create(id=7, title="a1")).until("finish")
        cache_server.kill()
        assert creator.finish().title == "a1"
    assert redis_queue.zrange("{flush:notes}:owed", 0, -1) == [b"7:cache"]
