"""SIGKILL before every step of every role: whatever was acknowledged is in the database once all has come to rest.

Row 1 has a write waiting when the role begins (`body`), so that each role could lose it. Each role runs in a process
of its own, killed before its first step, then before its second, and so on until one has done them all.
"""

import itertools

import pytest

from cachedemo.protocol import slot_format
from tests.faults.matrix import DEADLINE, MOST_STEPS, QUEUE, each_step
from tests.faults.roles import LOOKED_UP, ROLES, shorten_lookups
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from users.models import User

OLD, ACKNOWLEDGED = ("a0", "b1"), ("a1", "b1")
WRITES = {"cache-aside update", "write-through update", "write-behind update", "save"}
INCREMENTS = {"cache-aside increment", "write-through increment", "write-behind increment"}
LOOKUPS = {"reader by lookup", "reader of many by lookup"}
CREATES = {"cache-aside create", "write-through create", "save of a new row"}


@pytest.mark.parametrize("role", sorted(WRITES))
def test_a_killed_writer(role, matrix):
    for step in each_step(matrix, role, matrix.prepare):
        allowed = {OLD, ACKNOWLEDGED} if step else {ACKNOWLEDGED}
        assert matrix.seen() in allowed, f"at once, killed before step {step}"
        matrix.come_to_rest()
        assert matrix.stored() in allowed, f"at rest, killed before step {step}"
        matrix.assert_agreed()


@pytest.mark.parametrize("role", ["cache-aside update", "save"])
def test_a_killed_writer_whose_mark_was_lost(role, matrix):
    """It pauses, the cache is emptied and filled again with the old value, it goes on, and is killed."""
    for pause in itertools.count(1):
        for kill in range(pause + 1, MOST_STEPS):
            matrix.prepare()
            job = matrix.start_paused(role, pause, kill_before=kill)
            if job is None:
                return
            matrix.cache.flushdb()
            assert matrix.seen() in {OLD, ACKNOWLEDGED}
            job.resume()
            killed = job.wait().killed
            matrix.come_to_rest()
            assert matrix.stored() in ({OLD, ACKNOWLEDGED} if killed else {ACKNOWLEDGED})
            matrix.assert_agreed()
            if not killed:
                break


@pytest.mark.parametrize("role", sorted(CREATES))
def test_a_killed_creator(role, matrix):
    for step in each_step(matrix, role, matrix.prepare):
        new = Note.objects.filter(title="new").first()
        assert new or step, "an acknowledged row is missing"
        matrix.come_to_rest()
        assert matrix.stored() == OLD
        matrix.assert_agreed()


def test_a_killed_deleter(matrix):
    for step in each_step(matrix, "delete", matrix.prepare):
        allowed = {OLD, None} if step else {None}
        assert matrix.seen() in allowed, f"at once, killed before step {step}"
        matrix.come_to_rest()
        assert matrix.stored() in allowed, f"at rest, killed before step {step}"
        matrix.assert_agreed()


@pytest.mark.parametrize("role", ["reader", "reader of many"])
def test_a_killed_reader(role, matrix):
    for step in each_step(matrix, role, lambda: matrix.prepare(warm=False)):
        assert matrix.seen() == OLD, f"at once, killed before step {step}"
        matrix.come_to_rest()
        assert matrix.stored() == OLD
        matrix.assert_agreed()


def test_a_killed_flusher(matrix):
    for step in each_step(matrix, "flusher", matrix.prepare):
        assert matrix.seen() == OLD, f"at once, killed before step {step}"
        matrix.notes.via("write-behind").update(1, title="a1")
        matrix.come_to_rest()
        assert matrix.stored() == ACKNOWLEDGED, f"at rest, killed before step {step}"
        matrix.assert_agreed()


def counting(matrix):
    """A note whose size is 5 in the table, and 1 to be added is in line."""
    matrix.prepare()
    past_cachedemo(Note).filter(pk=1).update(size=5)
    matrix.cache.flushdb()
    matrix.notes.via("write-behind").increment(1, size=1)


def sizes(matrix):
    return matrix.notes.get(1).size, Note.objects.get(pk=1).size


@pytest.mark.parametrize("role", sorted(INCREMENTS))
def test_a_killed_writer_has_added_once_or_not_at_all(role, matrix):
    for step in each_step(matrix, role, lambda: counting(matrix)):
        allowed = {6, 16} if step else {16}
        assert matrix.notes.get(1).size in allowed, f"at once, killed before step {step}"
        matrix.notes.via("write-behind").increment(1, size=100)
        matrix.come_to_rest()
        read, stored = sizes(matrix)
        assert read == stored, f"at rest, killed before step {step}"
        assert stored - 100 in allowed, f"at rest, killed before step {step}"


def test_a_killed_flusher_adds_once(matrix):
    for step in each_step(matrix, "flusher", lambda: counting(matrix)):
        assert matrix.notes.get(1).size == 6, f"at once, killed before step {step}"
        matrix.notes.via("write-behind").increment(1, size=100)
        matrix.come_to_rest()
        assert sizes(matrix) == (106, 106), f"at rest, killed before step {step}"


def test_a_killed_flusher_of_increments_that_the_source_refuses(matrix):
    def prepare():
        counting(matrix)
        matrix.notes.via("write-behind").increment(1, size=-10)

    for step in each_step(matrix, "flusher", prepare):
        assert matrix.notes.get(1).size == -4, f"at once, killed before step {step}"
        matrix.notes.via("write-behind").increment(1, size=100)
        matrix.come_to_rest()
        read, stored = sizes(matrix)
        assert (read, stored) in {(96, 5), (96, 96)}, f"at rest, killed before step {step}"


def test_a_killed_flusher_of_a_row_that_the_source_refuses(matrix):
    def prepare():
        matrix.prepare()
        matrix.notes.via("write-behind").update(2, size=-1)

    for step in each_step(matrix, "flusher", prepare):
        matrix.come_to_rest()
        assert matrix.notes.get(2).size == -1, f"killed before step {step}"
        assert list(matrix.notes.table.queue.dead()) == ["2"]
        assert matrix.stored() == OLD
        matrix.assert_agreed()


def test_a_killed_reaper(matrix):
    def prepare():
        matrix.prepare()
        matrix.notes.get(3)
        past_cachedemo(Note).filter(pk=3).update(title="a1")  # a writer that died between COMMIT and finish
        matrix.queue.zadd(f"{QUEUE}owed", {f"3:{slot_format.token()}": 0})
        matrix.notes.table.queue.claim(10, 0, 5)  # a flusher that died with its batch

    for step in each_step(matrix, "flusher", prepare):
        assert matrix.seen() == OLD, f"at once, killed before step {step}"
        matrix.come_to_rest()
        assert (matrix.stored(), matrix.stored(3)) == (OLD, ("a1", "b0")), f"at rest, killed before step {step}"
        matrix.assert_agreed()


@pytest.fixture
def looked_up(matrix, people, users):
    """Bob's email is looked up, and the hint of it is there; what a killed process leaves runs out soon."""
    table, hints = users.table, list(users.table.hints.values())
    before = table.options.lease_timeout, table.options.claim_deadline, table.slots.lease_ms
    shorten_lookups(DEADLINE)

    def prepare(hint=True):
        matrix.prepare()
        for pk, name in ((1, "alice"), (2, "bob")):
            past_cachedemo(User).filter(pk=pk).update(email=f"{pk}@example.com")
            past_cachedemo(User).filter(pk=pk).update(email=f"{name}@example.com", cache_stamp=0)
        if hint:
            assert users.get_by(email=LOOKED_UP).pk == 2

    yield prepare
    table.options.lease_timeout, table.options.claim_deadline, table.slots.lease_ms = before
    for each in hints:
        each.lease_ms = table.slots.lease_ms


@pytest.mark.parametrize("role", sorted(LOOKUPS))
def test_a_killed_lookup_stands_in_nobodys_way(role, matrix, looked_up, users):
    for step in each_step(matrix, role, lambda: looked_up(hint=False)):
        assert users.get_by(email=LOOKED_UP).pk == 2, f"at once, killed before step {step}"
        users.update(2, email="given-up@example.com")
        users.update(1, email=LOOKED_UP)
        found = users.get_many_by("email", [LOOKED_UP])
        assert (users.get_by(email=LOOKED_UP).pk, found[LOOKED_UP].pk) == (1, 1), f"killed before step {step}"


def test_a_killed_taker_leaves_no_hint_that_is_wrong(matrix, looked_up, users):
    def prepare():
        looked_up()
        users.update(2, email="given-up@example.com")
        matrix.cache.set(f"v2:user/email:{LOOKED_UP}", b"K2", ex=60)  # whoever gives a value up need not empty it

    for step in each_step(matrix, "taker of a looked-up value", prepare):
        taken = past_cachedemo(User).filter(pk=1, email=LOOKED_UP).exists()
        assert taken or step
        for _ in range(2):
            found = users.get_many_by("email", [LOOKED_UP])
            assert {user.pk for user in found.values()} == ({1} if taken else set()), f"killed before step {step}"
        users.drain(timeout=10)


def test_a_killed_beat(matrix):
    for step in range(1, MOST_STEPS):
        matrix.prepare()
        ended = matrix.nursery.start("tests.faults.roles:beat", step=step).wait()
        assert matrix.seen() == OLD
        matrix.come_to_rest()
        assert matrix.stored() == OLD
        if not ended.killed:
            assert ended.result
            return
    pytest.fail("beat never came to its end")


def test_every_role_is_killed_somewhere():
    elsewhere = {"resharder"}  # tests/faults/test_shard_faults.py
    others = {"delete", "reader", "reader of many", "flusher", *LOOKUPS, "taker of a looked-up value"}
    assert {*WRITES, *INCREMENTS, *CREATES, *others} | elsewhere == ROLES.keys()
