"""A cache that fails over to a replica without its last steps: the mutants of the model (actor P), on real servers.

The title is the model's field 0, the body its field 1.
"""

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from tests.failover import cache_with_replica


@pytest.fixture
def replica(settings, tmp_path, notes):
    with cache_with_replica(settings, tmp_path) as replica:
        notes.get(1)
        yield replica


@pytest.fixture
def write(actor, notes, replica):
    """`write("write-through", title="a1")` is an actor that writes row 1."""
    return lambda pattern, **fields: actor(lambda: notes.via(pattern).update(1, **fields))


def seen(notes):
    note = notes.get(1)
    return note.title, note.body


def test_a_slot_that_was_emptied_on_the_old_primary_is_not_read_on_the_new_one(notes, write, replica):
    replica.receives()
    write("cache-aside", title="a1").finish()
    replica.takes_over()
    assert seen(notes) == ("a1", "b0")


def test_nor_is_what_stands_in_a_mark_there(notes, write, replica):
    writer = write("write-through", title="a1").step("mark")
    replica.receives()
    writer.finish()
    replica.takes_over()
    assert seen(notes) == ("a1", "b0")


def test_nor_is_what_a_new_mark_has_found(notes, write, replica):
    replica.receives()
    write("cache-aside", title="a1").finish()
    replica.takes_over()
    writer = write("write-through", body="b1").step("mark")
    assert seen(notes) == ("a1", "b0")
    writer.finish()
    assert seen(notes) == ("a1", "b1")


@pytest.mark.usefixtures("late_marks")
def test_nor_does_a_mark_there_count_as_one_over_an_older_value(notes, write, replica):
    writer = write("write-through", title="a1").until("mark")
    replica.receives()
    write("write-behind", body="b1").finish()
    replica.takes_over()
    writer.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_reader_whose_lease_was_on_the_old_primary_fills_nothing_that_is_read(notes, actor, replica):
    replica.primary.delete("v1:note:1")
    reader = actor(lambda: notes.get(1)).until("row")
    replica.receives()
    replica.takes_over()
    reader.finish()
    assert replica.client.exists("v1:note:1")
    assert notes.read(1).origin == "source", "whatever was written between its row and its fill is not in it"


def test_a_writer_whose_mark_was_on_the_old_primary_leaves_nothing_that_is_read(notes, write, replica):
    writer = write("write-through", title="a1").until("commit")
    replica.receives()
    replica.takes_over()
    writer.finish()
    assert notes.read(1).origin == "source", "whatever was written since its commit is not in it"


def test_nor_does_one_that_knows_nothing_of_the_failover(notes, write, replica):
    first = write("write-through", title="a1").step("commit")
    replica.receives()
    write("write-through", body="b1").finish()
    replica.takes_over()
    first.finish()
    assert seen(notes) == ("a1", "b1")


def test_a_write_whose_base_was_on_the_old_primary_publishes_nothing_that_is_read(notes, write, replica):
    writer = write("write-behind", title="a1").until("enqueue")
    replica.receives()
    replica.takes_over()
    writer.finish()
    assert notes.read(1).origin == "pending", "whatever was written since it read its base is not in it"


def test_nor_does_a_write_that_knows_nothing_of_the_failover(notes, write, replica):
    first = write("write-behind", title="a1").step("enqueue")
    replica.receives()
    write("write-through", body="b1").finish()
    replica.takes_over()
    first.finish()
    assert seen(notes) == ("a1", "b1")


@pytest.mark.parametrize("many", [False, True])
def test_what_another_server_has_left_is_loaded_once_and_filled_again(notes, replica, many):
    replica.receives()
    replica.takes_over()
    read = (lambda: notes.read_many([1])[1]) if many else (lambda: notes.read(1))
    assert [read().origin for _ in range(3)] == ["source", "cache", "cache"]


def test_what_an_older_release_has_left_is_read(notes, replica):
    slot = replica.primary.get("v1:note:1")
    replica.primary.set("v1:note:1", slot[:17] + slot[21:], px=60_000)
    assert notes.read(1).origin == "cache"


def test_nor_does_an_event_loop_read_it(notes, write, replica):
    async def reads() -> list[str]:
        titles = [(await notes.aget(1)).title]
        await sync_to_async(fail_over)()
        return [*titles, (await notes.aget(1)).title]

    def fail_over() -> None:
        replica.receives()
        write("cache-aside", title="a1").finish()
        replica.takes_over()

    assert async_to_sync(reads)() == ["a0", "a1"]
