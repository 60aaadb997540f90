"""Processes stopped past their deadline that go on all the same, two workers on one batch, a clock that lies."""

import time

import pytest
from django.db import DatabaseError

from cachedemo import cache_for
from tests.faults.matrix import MOST_STEPS, QUEUE
from users.models import User

HOUR = 3600 * 1_000_000  # microseconds
PATTERNS = ["cache-aside", "write-through", "write-behind"]


def paused_everywhere(matrix, role, warm=True):
    """Yield the role's process, paused before each of its steps in turn, its deadlines over."""
    for step in range(1, MOST_STEPS):
        matrix.prepare(warm)
        job = matrix.start_paused(role, step)
        if job is None:
            return
        matrix.deadline_passes()
        yield job
    pytest.fail(f"{role} takes more than {MOST_STEPS} steps")


@pytest.mark.parametrize(
    ("role", "pattern"),
    [*(("flusher", pattern) for pattern in PATTERNS), ("reader", "cache-aside"), ("reader of many", "write-behind")],
)
def test_a_process_that_goes_on_after_its_deadline_undoes_nothing(role, pattern, matrix):
    for job in paused_everywhere(matrix, role, warm=role == "flusher"):
        matrix.come_to_rest()  # somebody else has taken over
        matrix.notes.via(pattern).update(1, body="b2")
        job.resume()
        job.result()
        assert matrix.seen() == ("a0", "b2")
        matrix.come_to_rest()
        assert matrix.stored() == ("a0", "b2")
        matrix.assert_agreed()


@pytest.mark.parametrize("role", ["cache-aside update", "write-through update", "write-behind update"])
def test_a_writer_that_goes_on_after_its_deadline_leaves_cache_and_source_agreeing(role, matrix):
    for job in paused_everywhere(matrix, role):
        matrix.come_to_rest()
        matrix.notes.via("write-behind").update(1, body="b2")
        job.resume()
        job.result()
        assert matrix.seen() == ("a1", "b2")
        matrix.come_to_rest()
        assert matrix.stored() == ("a1", "b2")
        matrix.assert_agreed()


@pytest.mark.parametrize("pattern", ["cache-aside", "write-behind"])
@pytest.mark.parametrize("first", [0, 1])
def test_two_workers_on_one_batch_undo_nothing(matrix, first, pattern):
    for one in paused_everywhere(matrix, "flusher"):
        another = matrix.start_paused("flusher", 4)  # it has reaped what the first one claimed, and claimed it itself
        matrix.notes.via(pattern).update(1, body="b2")
        workers = [each for each in (one, another) if each]
        for worker in reversed(workers) if first else workers:
            worker.resume()
            worker.result()
            assert matrix.seen() == ("a0", "b2")
        matrix.come_to_rest()
        assert matrix.stored() == ("a0", "b2")
        matrix.assert_agreed()


@pytest.mark.parametrize("second", [*PATTERNS, "save"])
@pytest.mark.parametrize("first", PATTERNS)
@pytest.mark.parametrize("flushed", [True, False])
def test_a_clock_an_hour_ahead_and_then_deleted_neither_refuses_nor_loses_a_write(matrix, first, second, flushed):
    notes = matrix.notes
    matrix.prepare()
    matrix.queue.set(f"{QUEUE}clock", f"{int(time.time() * 1_000_000) + HOUR:016d}")
    notes.via(first).update(1, title="a1")
    if flushed:
        matrix.come_to_rest()
    matrix.queue.delete(f"{QUEUE}clock")
    write(notes, second, title="a2")
    assert matrix.seen()[0] == "a2"
    write(notes, second, title="a3")
    assert matrix.seen() == ("a3", "b1")
    matrix.come_to_rest()
    assert matrix.stored() == ("a3", "b1")
    matrix.assert_agreed()


def write(notes, pattern, title):
    if pattern != "save":
        notes.via(pattern).update(1, title=title)
        return
    note = notes.get(1)
    note.title = title
    note.save()


@pytest.mark.parametrize("load", ["through the cache", "from the table"])
def test_a_deleted_row_does_not_come_back_by_a_save_of_what_was_loaded_before(people, load):
    users = cache_for(User)
    user = users.get(1) if load == "through the cache" else User.objects.get(pk=1)
    users.delete(1)
    with pytest.raises(DatabaseError, match="deleted"):
        user.save()
    assert not User.objects.filter(pk=1).exists()
    assert users.get_many([1]) == {}
