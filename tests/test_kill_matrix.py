"""SIGKILL before every step of every role: whatever was acknowledged is in the source once all has come to rest.

Row 1 has a write waiting when the role begins (`body`), so that each role could lose it. Each role runs in a process
of its own, first to its end and then killed before its first step, its second, and so on.
"""

import pytest

from cachedemo import cache_for, slots
from tests.conftest import empty, forget_servers
from tests.faults.roles import ROLES, shorten
from tests.helpers import until
from tests.notes.models import Note

DEADLINE = 0.1  # seconds, for leases, marks, claims and what is owed
MOST_STEPS = 40
OLD, ACKNOWLEDGED = ("a0", "b1"), ("a1", "b1")
WRITES = {"cache-aside update", "write-through update", "write-behind update", "save"}
CREATES = {"cache-aside create", "write-through create", "save of a new row"}


@pytest.fixture
def notes(transactional_db, monkeypatch):
    notes = cache_for(Note)
    for owner, name in ((notes, "lease_timeout"), (notes, "claim_deadline"), (notes.slots, "lease_ms")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    shorten(notes, DEADLINE)
    return notes


@pytest.fixture
def prepare(notes, redis_cache, redis_queue):
    """Begin anew: three rows, of which the first is in the cache and has a write waiting."""

    def begin(warm: bool = True):
        empty(redis_cache, redis_queue)
        forget_servers()
        Note.objects.all()._raw_delete("default")
        Note.objects.bulk_create([Note(pk=pk, title="a0", body="b0") for pk in (1, 2, 3)])
        notes.get(1)
        notes.via("write-behind").update(1, body="b1")
        if not warm:
            redis_cache.flushdb()

    return begin


def seen(notes, pk=1):
    note = notes.get_many([pk]).get(pk)
    return note and (note.title, note.body)


def stored(pk=1):
    return Note.objects.filter(pk=pk).values_list("title", "body").first()


def come_to_rest(notes, redis_queue):
    """What a worker does every second: drain, and work off what the dead have left."""

    def at_rest():
        notes.flush()
        waiting = notes.queue_of_writes.depth() - len(notes.queue_of_writes.dead())
        return not waiting and not any(redis_queue.zcard(f"{{flush:notes}}:{key}") for key in ("claimed", "owed"))

    until(at_rest)


def assert_agreed(notes, redis_cache):
    """Cache equals source: what a hit would return, and what a reader gets."""
    for pk in {1, 2, 3, *Note.objects.values_list("pk", flat=True)}:
        slot = redis_cache.get(notes.slots.key(pk))
        entry = slots.held(slot) if slot else None
        if entry:
            body = entry.body and notes.codec.decode(entry.body)
            assert (body and (body["title"], body["body"])) == stored(pk)
        assert seen(notes, pk) == stored(pk)


def steps_of(nursery, role, prepare):
    """Yield each step once its process has been killed there, and None once one has done all of them."""
    for step in range(1, MOST_STEPS):
        prepare()
        ended = nursery.start("tests.faults.roles:act", role=role, step=step, deadline=DEADLINE).wait()
        if not ended.killed:
            assert ended.status == 0, nursery.log.read_text()
            assert len(ended.result) == step - 1
            yield None
            return
        yield step
    pytest.fail(f"{role} takes more than {MOST_STEPS} steps")


@pytest.mark.parametrize("role", sorted(WRITES))
def test_a_killed_writer(role, nursery, notes, prepare, redis_cache, redis_queue):
    for step in steps_of(nursery, role, prepare):
        allowed = {OLD, ACKNOWLEDGED} if step else {ACKNOWLEDGED}
        assert seen(notes) in allowed, f"at once, killed before step {step}"
        come_to_rest(notes, redis_queue)
        assert stored() in allowed, f"at rest, killed before step {step}"
        assert_agreed(notes, redis_cache)


@pytest.mark.parametrize("role", sorted(CREATES))
def test_a_killed_creator(role, nursery, notes, prepare, redis_cache, redis_queue):
    for step in steps_of(nursery, role, prepare):
        new = Note.objects.filter(title="new").first()
        assert new or step, "an acknowledged row is missing"
        come_to_rest(notes, redis_queue)
        assert stored() == OLD
        assert_agreed(notes, redis_cache)


def test_a_killed_deleter(nursery, notes, prepare, redis_cache, redis_queue):
    for step in steps_of(nursery, "delete", prepare):
        allowed = {OLD, None} if step else {None}
        assert seen(notes) in allowed, f"at once, killed before step {step}"
        come_to_rest(notes, redis_queue)
        assert stored() in allowed, f"at rest, killed before step {step}"
        assert_agreed(notes, redis_cache)


@pytest.mark.parametrize("role", ["reader", "reader of many"])
def test_a_killed_reader(role, nursery, notes, prepare, redis_cache, redis_queue):
    for step in steps_of(nursery, role, lambda: prepare(warm=False)):
        assert seen(notes) == OLD, f"at once, killed before step {step}"
        come_to_rest(notes, redis_queue)
        assert stored() == OLD
        assert_agreed(notes, redis_cache)


def test_a_killed_flusher(nursery, notes, prepare, redis_cache, redis_queue):
    for step in steps_of(nursery, "flusher", prepare):
        assert seen(notes) == OLD, f"at once, killed before step {step}"
        notes.via("write-behind").update(1, title="a1")
        come_to_rest(notes, redis_queue)
        assert stored() == ACKNOWLEDGED, f"at rest, killed before step {step}"
        assert_agreed(notes, redis_cache)


def test_a_killed_flusher_of_a_row_that_the_source_refuses(nursery, notes, prepare, redis_cache, redis_queue):
    def prepare_with_a_refused_row():
        prepare()
        notes.via("write-behind").update(2, size=-1)

    for step in steps_of(nursery, "flusher", prepare_with_a_refused_row):
        come_to_rest(notes, redis_queue)
        assert notes.get(2).size == -1, f"killed before step {step}"
        assert list(notes.queue_of_writes.dead()) == ["2"]
        assert stored() == OLD
        assert_agreed(notes, redis_cache)


def test_a_killed_reaper(nursery, notes, prepare, redis_cache, redis_queue):
    def prepare_what_the_dead_leave():
        prepare()
        notes.get(3)
        Note.objects.filter(pk=3).update(title="a1")  # a writer that died between COMMIT and finish
        redis_queue.zadd("{flush:notes}:owed", {f"3:{slots.token()}": 0})
        notes.queue_of_writes.claim(10, 0, 5)  # a flusher that died with its batch

    for step in steps_of(nursery, "flusher", prepare_what_the_dead_leave):
        assert seen(notes) == OLD, f"at once, killed before step {step}"
        come_to_rest(notes, redis_queue)
        assert (stored(), stored(3)) == (OLD, ("a1", "b0")), f"at rest, killed before step {step}"
        assert_agreed(notes, redis_cache)


def test_a_killed_beat(nursery, notes, prepare, redis_cache, redis_queue):
    for step in range(1, MOST_STEPS):
        prepare()
        ended = nursery.start("tests.faults.roles:beat", step=step).wait()
        assert seen(notes) == OLD
        come_to_rest(notes, redis_queue)
        assert stored() == OLD
        if not ended.killed:
            assert ended.result
            return
    pytest.fail("beat never came to its end")


def test_every_role_is_killed_somewhere():
    assert {*WRITES, *CREATES, "delete", "reader", "reader of many", "flusher"} == ROLES.keys()
