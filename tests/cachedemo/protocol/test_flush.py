"""The flush: coalescing, batches, one bad row, two workers, workers that die."""

import json
import time

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cachedemo import cache_for, tasks
from cachedemo.exceptions import SourceUnavailable
from cachedemo.protocol import answering, database, database_retries, flush, parked_rows
from tests.helpers import one_shard, past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title

pytestmark = one_shard


@pytest.fixture
def notes(transactional_db):
    return cache_for(Note)


@pytest.fixture
def behind(notes):
    return notes.via("write-behind")


def make(count):
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old") for pk in range(1, count + 1)])


def titles():
    return set(Note.objects.values_list("title", flat=True))


def updates(queries):
    return [query for query in queries if query["sql"].startswith("UPDATE") or " times: UPDATE" in query["sql"]]


def test_a_thousand_updates_of_one_row_cost_one_update(notes, behind, redis_queue):
    make(1)
    for number in range(1000):
        behind.update(1, title=f"title {number}")
    assert redis_queue.lrange("flush:notes", 0, -1) == [b"1"]
    with CaptureQueriesContext(connection) as queries:
        assert notes.drain(timeout=10) == 1
    assert [query["sql"][:9] for query in updates(queries)] == ["1 times: "]
    assert titles() == {"title 999"}


@pytest.mark.skipif("connection.vendor == 'mysql'", reason="its driver sends one row at a time")
def test_ten_thousand_rows_are_flushed_in_batches_of_one_round_trip_each(notes):
    make(10_000)
    for pk in range(1, 10_001):
        notes.table.queue.enqueue(pk, 0, notes.table.options.max_pending, {"title": "new"})
    with CaptureQueriesContext(connection) as queries:
        assert notes.drain(timeout=60) == 10_000
    together = "1 times" if connection.vendor == "postgresql" else "1000 times"  # there, of arrays
    assert [query["sql"].partition(":")[0] for query in updates(queries)] == [together] * 10
    assert titles() == {"new"}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it has no connection that could end")
@pytest.mark.skipif("os.environ['DATABASE_POOL'] == 'pgbouncer'", reason="it does not say which session is whose")
def test_a_connection_that_has_ended_is_an_outage_however_often_it_is_used(notes):
    make(1)
    connection.ensure_connection()
    end_session(connection.connection)
    for _ in range(3):
        with pytest.raises(SourceUnavailable) as raised:
            notes.get(1)  # outside a transaction, which would close it
        assert raised.type is SourceUnavailable, "and no StatementRefused"
    database.reconnect("default")
    assert notes.get(1).title == "old"


def end_session(plain):
    """Have the database end it, as when it is restarted."""
    with connection.copy().cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute(f"KILL {plain.thread_id()}")
        else:
            cursor.execute("SELECT pg_terminate_backend(%s)", [plain.info.backend_pid])
        cursor.db.close()


@pytest.fixture
def refuse(transactional_db):
    """Make the database refuse a title, as a constraint that the form knows nothing of."""
    refuse_a_title()
    yield
    allow_every_title()


def test_one_refused_row_ends_as_a_dead_letter_alone(notes, behind, refuse, redis_queue):
    make(500)
    for pk in range(1, 501):
        behind.update(pk, title="refused" if pk == 250 else "new")
    assert notes.drain(timeout=30) == 500
    assert Note.objects.filter(title="new").count() == 499
    [(pk, letter)] = notes.table.queue.dead().items()
    assert pk == "250"
    assert letter["error"].startswith("IntegrityError: ")
    assert "no such title" not in letter["error"], "a trigger's words may show values"
    assert letter["stamps"].keys() == {"title"}

    notes.evict([250])
    assert notes.get(250).title == "refused", "what was acknowledged is still what reads return"
    assert redis_queue.zrange("{flush:notes}:pending", 0, -1) == [b"250"]

    behind.update(250, title="revived")
    assert notes.table.queue.dead() == {}
    notes.drain(timeout=5)
    assert Note.objects.get(pk=250).title == "revived"
    assert notes.get(250).title == "revived"
    assert redis_queue.exists("{flush:notes}:pending", "{flush:notes}:row:250") == 0


def test_a_dead_letter_is_superseded_by_a_write_to_the_source(notes, behind, refuse, redis_queue):
    make(1)
    behind.update(1, title="refused")
    notes.drain(timeout=5)
    notes.via("write-through").update(1, body="b1")
    assert notes.table.queue.dead().keys() == {"1"}
    notes.via("write-through").update(1, title="fine")
    assert notes.table.queue.dead() == {}
    assert notes.get(1).title == Note.objects.get(pk=1).title == "fine"
    assert redis_queue.exists("{flush:notes}:pending", "{flush:notes}:row:1") == 0


def test_a_newer_write_saves_a_refused_row_from_the_dead_letters(notes, behind, refuse):
    make(1)
    behind.update(1, title="refused")
    with interleaving() as actor:
        flusher = actor(notes.flush).until("bury")
        behind.update(1, title="fine")
        flusher.finish()
    assert notes.table.queue.dead() == {}
    notes.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "fine"


def test_a_worker_that_dies_in_a_batch_loses_nothing(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.2)
    make(20)
    for stop in ("commit", "settle", "ack"):
        for pk in range(1, 21):
            behind.update(pk, title=stop)
        with interleaving() as actor:
            actor(notes.flush).until(stop).kill()
        for pk in range(1, 11):
            behind.update(pk, body=f"after {stop}")
        notes.drain(timeout=10)
        assert titles() == {stop}
        assert Note.objects.filter(body=f"after {stop}").count() == 10
        assert {note.title for note in notes.get_many(range(1, 21)).values()} == {stop}


def test_two_workers_on_one_batch_never_take_a_row_back(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.0)
    make(1)
    behind.update(1, title="first")
    with interleaving() as actor:
        slow = actor(notes.flush).step("claim")
        behind.update(1, title="second")
        notes.drain(timeout=5)
        assert Note.objects.get(pk=1).title == "second"
        slow.finish()
    assert Note.objects.get(pk=1).title == notes.get(1).title == "second"


def test_a_late_acknowledgement_leaves_a_newer_write_waiting_once(notes, behind, monkeypatch, redis_queue):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.0)
    make(1)
    behind.update(1, title="first")
    with interleaving() as actor:
        slow = actor(notes.flush).until("ack")
        flush.reap(notes.table)
        behind.update(1, title="second")
        slow.finish()
    assert redis_queue.lrange("flush:notes", 0, -1) == [b"1"]
    notes.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "second"


def turn(notes, batches):
    """Flush so many batches in one go, of which each but the first is claimed as the one before is acknowledged."""
    left = iter(range(batches - 1))
    return flush.flush(notes.table, lambda: next(left, None) is not None)


def test_a_batch_is_acknowledged_by_the_claim_of_the_next(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "batch_size", 2)
    make(7)
    for pk in range(1, 8):
        behind.update(pk, title="new")
    with interleaving() as actor:
        flusher = actor(lambda: turn(notes, 3))
        assert flusher.finish() == 6
    asked = [step for step in flusher.steps if step in ("reap", "claim", "ack_and_claim", "ack")]
    assert asked == ["reap", "claim", "ack_and_claim", "ack_and_claim", "ack"]
    assert notes.table.queue.depth() == 1
    assert notes.table.queue.in_flight() == 0


def test_what_is_written_before_the_claim_of_the_next_batch_comes_with_a_later_one(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "batch_size", 1)
    make(2)
    behind.update(1, title="first")
    behind.update(2, title="new")
    with interleaving() as actor:
        flusher = actor(lambda: turn(notes, 9)).until("ack_and_claim")
        behind.update(1, title="second")
        assert flusher.finish() == 3
    assert Note.objects.get(pk=1).title == notes.get(1).title == "second"
    assert notes.table.queue.depth() == 0


def test_a_worker_that_dies_between_two_batches_loses_nothing(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.0)
    monkeypatch.setattr(notes.table.options, "batch_size", 1)
    make(2)
    behind.update(1, title="new")
    behind.update(2, title="new")
    with interleaving() as actor:
        actor(lambda: turn(notes, 2)).step("ack_and_claim").kill()
    notes.drain(timeout=10)
    assert titles() == {"new"}
    assert notes.table.queue.depth() == 0


def test_a_row_that_outlives_its_flushers_comes_alone(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.0)
    make(3)
    behind.update(1, title="kills its worker")
    for _ in range(flush.ALONE_AFTER):
        with interleaving() as actor:
            actor(notes.flush).until("commit").kill()
        flush.reap(notes.table)
    monkeypatch.undo()
    behind.update(2, title="new")
    behind.update(3, title="new")
    claims, _ = notes.table.queue.claim(500, 30, flush.ALONE_AFTER)
    assert [claim.pk for claim in claims] == ["1"]
    claims, _ = notes.table.queue.claim(500, 30, flush.ALONE_AFTER)
    assert [claim.pk for claim in claims] == ["2", "3"]


def test_a_worn_row_in_the_middle_leaves_the_order_of_the_others(notes, behind, redis_queue):
    make(5)
    for pk in range(1, 6):
        behind.update(pk, title="new")
    redis_queue.hset("{flush:notes}:reaped", "3", notes.table.options.max_attempts)
    batches = [notes.table.queue.claim(500, 30, flush.ALONE_AFTER)[0] for _ in range(4)]
    assert [[claim.pk for claim in batch] for batch in batches] == [["1", "2"], ["3"], ["4", "5"], []]


def test_a_source_that_is_away_acknowledges_nothing(notes, behind, monkeypatch, redis_queue):
    make(1)
    behind.update(1, title="new")
    tries = []

    def away(*arguments):
        tries.append(1)
        with answering.answering():
            raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(database, "apply_many", away)
        patch.setattr(database_retries, "FIRST_BACKOFF", 0.001)
        with pytest.raises(SourceUnavailable):
            notes.flush()
    assert len(tries) == notes.table.options.max_attempts
    assert redis_queue.lrange("flush:notes", 0, -1) == [b"1"]
    assert redis_queue.zcard("{flush:notes}:claimed") == 0
    assert notes.drain(timeout=5) == 1
    assert titles() == {"new"}


def test_a_full_queue_sends_write_behind_through_to_the_source(notes, behind, monkeypatch):
    monkeypatch.setattr(notes.table.options, "max_pending", 1)
    make(2)
    assert behind.write(1, {"title": "waits"}).pattern == "write-behind"
    written = behind.write(2, {"title": "through"})
    assert (written.pattern, written.reason) == ("write-through", "full")
    assert behind.write(1, {"body": "waits too"}).pattern == "write-behind"
    assert Note.objects.get(pk=2).title == "through"


def test_write_behind_of_a_row_that_was_just_deleted_goes_to_the_source(notes, behind):
    make(1)
    notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: behind.update(1, title="late")).until("enqueue")
        notes.delete(1)
        with pytest.raises(Note.DoesNotExist):
            writer.finish()
    assert notes.table.queue.depth() == 0


def test_a_field_that_only_a_newer_release_knows_is_parked_not_dropped(notes, behind, redis_queue, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.1)
    make(1)
    notes.announce()
    newer = json.dumps({"state": "live", "since": 0, "fields": ["body", "rating", "size", "title"]})
    redis_queue.hset("{flush:notes}:versions", "2", newer)
    behind.update(1, title="new")
    notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
    assert notes.flush() == 1
    assert Note.objects.get(pk=1).title == "old"
    assert redis_queue.zrange("{flush:notes}:claimed", 0, -1) == [b"1"]
    assert redis_queue.hkeys("{flush:notes}:row:1") == [b"title", b"rating"]
    time.sleep(0.15)
    flush.reap(notes.table)
    assert redis_queue.lrange("flush:notes", 0, -1) == [b"1"]


def test_a_parked_row_does_not_wait_for_the_deadline_of_a_whole_batch(notes, redis_queue):
    make(1)
    notes.announce()
    newer = json.dumps({"state": "live", "since": 0, "fields": ["body", "rating", "size", "title"]})
    redis_queue.hset("{flush:notes}:versions", "2", newer)
    notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
    assert notes.flush() == 1
    deadline = redis_queue.zscore("{flush:notes}:claimed", 1) / 1_000_000
    assert deadline <= time.time() + parked_rows.PARKED_FOR < time.time() + notes.table.options.claim_deadline


def test_a_writer_waits_for_a_field_it_does_not_know_and_gives_up(notes, behind, redis_queue, monkeypatch):
    from cachedemo.exceptions import UnknownFieldWaiting
    from cachedemo.protocol import synchronous

    monkeypatch.setattr(synchronous, "FLUSH_PATIENCE", 0.2)
    make(1)
    notes.get(1)
    newer = json.dumps({"state": "live", "since": 0, "fields": ["body", "rating", "size", "title"]})
    redis_queue.hset("{flush:notes}:versions", "2", newer)
    notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
    with pytest.raises(UnknownFieldWaiting, match=r"rating of v1:note:\S+ .* worker of version 2, which knows it"):
        notes.via("write-through").update(1, title="new")
    assert Note.objects.get(pk=1).title == notes.get(1).title == "old"
    assert notes.table.queue.depth() == 1


def test_rows_that_have_cost_flushes_their_lives_do_not_hold_up_the_others(notes, behind, redis_queue):
    make(40)
    for pk in range(1, 41):
        behind.update(pk, title="new")
    for pk in range(1, 21):
        redis_queue.hset("{flush:notes}:reaped", pk, flush.ALONE_AFTER)
    for _ in range(3):  # a run ends after some time, on a busy machine before the last row
        tasks.flush("flush:notes")
    assert titles() == {"new"}


def test_parked_rows_do_not_hold_up_the_others(notes, behind, redis_queue, monkeypatch):
    monkeypatch.setattr(notes.table.options, "claim_deadline", 0.0)
    notes.announce()
    newer = json.dumps({"state": "live", "since": 0, "fields": ["body", "rating", "size", "title"]})
    redis_queue.hset("{flush:notes}:versions", "2", newer)
    make(60)
    for pk in range(1, 51):
        notes.table.queue.enqueue(pk, 0, 1000, {"rating": 5})
    for _ in range(2 * flush.ALONE_AFTER):
        notes.flush()
    behind.update(60, title="new")
    notes.flush()
    assert Note.objects.get(pk=60).title == "new"
    assert notes.table.queue.depth() == 50
    assert set(redis_queue.hvals("{flush:notes}:reaped")) <= {b"-1", b"0"}


def test_one_broken_queue_does_not_keep_the_next_from_its_flush(notes, behind, redis_queue, people):
    make(1)
    behind.update(1, title="new")
    redis_queue.set("flush:users", "not a list")
    tasks.flush()
    assert titles() == {"new"}
