"""Real processes, killed with -9 at the worst moment: after the deadline everything is as if they had not been."""

import pytest

from cachedemo import cache_for
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note

DEADLINE = 0.5  # seconds, for claims and for writers under way

FLUSHER = f"""
from cachedemo import cache_for
from cachedemo.protocol import database
from tests.notes.models import Note

notes = cache_for(Note)
notes.table.options.claim_deadline = {DEADLINE}
commit = database.apply_many

def stop_before(*arguments):
    print("claimed", flush=True)
    import time; time.sleep(60)

def stop_after(*arguments):
    commit(*arguments)
    print("committed", flush=True)
    import time; time.sleep(60)

database.apply_many = STOP
notes.flush()
"""

WRITER = f"""
import sys, time
from cachedemo import cache_for
from cachedemo.protocol.database_write import DatabaseWrite
from tests.notes.models import Note

notes = cache_for(Note)
notes.table.options.lease_timeout = {DEADLINE}

def stop(write, entry):
    print("committed", flush=True)
    time.sleep(60)

DatabaseWrite._finish = stop
notes.via(sys.argv[1]).update(1, title="a1")
"""


@pytest.fixture
def notes(transactional_db, monkeypatch):
    notes = cache_for(Note)
    monkeypatch.setattr(notes.table.options, "claim_deadline", DEADLINE)
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="old") for pk in range(1, 51)])
    return notes


def titles(notes):
    return {note.title for note in notes.get_many(range(1, 51)).values()}


@pytest.mark.parametrize(("stop", "says"), [("stop_before", "claimed"), ("stop_after", "committed")])
def test_a_worker_killed_in_a_batch_is_made_up_for_after_its_deadline(notes, run_code, stop, says, redis_queue):
    for pk in range(1, 51):
        notes.via("write-behind").update(pk, title="new")
    flusher = run_code(FLUSHER.replace("STOP", stop))
    flusher.says(says)
    flusher.kill()
    flusher.wait()
    assert redis_queue.zcard("{flush:notes}:claimed") == 50
    notes.via("write-behind").update(1, title="newest")
    assert titles(notes) == {"new", "newest"}
    notes.drain(timeout=10)
    assert set(Note.objects.values_list("title", flat=True)) == titles(notes) == {"new", "newest"}
    assert Note.objects.get(pk=1).title == "newest"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_writer_killed_between_commit_and_finish_leaves_cache_and_source_agreeing(
    notes, run_code, pattern, redis_cache, redis_queue
):
    notes.get(1)
    writer = run_code(WRITER, pattern)
    writer.says("committed")
    writer.kill()
    writer.wait()
    assert Note.objects.get(pk=1).title == "a1"
    assert redis_queue.zcard("{flush:notes}:owed") == 1

    def worked_off():
        notes.flush()
        return redis_queue.zcard("{flush:notes}:owed") == 0

    until(worked_off)
    assert redis_cache.get("v1:note:1") is None
    assert notes.get(1).title == "a1"


def test_a_worker_asked_to_end_finishes_its_batch(people, start_worker, redis_queue):
    from users.models import User

    worker = start_worker("--pool=solo", "-B", SOURCE_LATENCY_MS="1500")
    cache_for(User).via("write-behind").update(1, name="Al")
    until(lambda: redis_queue.zcard("{flush:users}:claimed") == 1)
    worker.terminate()
    worker.finish()
    assert User.objects.get(pk=1).name == "Al"
    assert redis_queue.zcard("{flush:users}:claimed") == redis_queue.zcard("{flush:users}:pending") == 0
