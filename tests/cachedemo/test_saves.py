"""What an instance has seen decides whether it may be saved: nothing that was acknowledged is lost by a `save()`."""

import pytest
from django.db import transaction
from django.db.models.signals import post_save

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable, StaleInstance
from tests.interleaving import interleaving
from tests.notes.models import Note
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes():
    Note.objects.bulk_create([Note(pk=1, title="a0", body="b0", secret="s0", owner_id=1)])
    return cache_for(Note)


@pytest.fixture
def receiver():
    """`receiver(Note, work)` calls work(instance) after each save, until the test is over."""
    connected = []

    def connect(sender, work):
        def receive(instance, **kwargs):
            work(instance)

        connected.append((receive, sender))
        post_save.connect(receive, sender=sender, weak=False)
        post_save.receivers.insert(0, post_save.receivers.pop())  # as an app that stands before cachedemo would
        post_save.sender_receivers_cache.clear()

    yield connect
    for receive, sender in connected:
        post_save.disconnect(receive, sender=sender)


def title(notes):
    """What a read returns, and what the row has once nothing waits any more."""
    shown = notes.get(1).title
    notes.drain(timeout=5)
    return shown, Note.objects.get(pk=1).title


def test_a_save_of_named_fields_does_not_supersede_a_waiting_one_that_it_does_not_write(notes):
    notes.via("write-behind").update(1, title="acknowledged")
    note = notes.get(1)
    note.body = "b1"
    with pytest.raises(StaleInstance, match=r"title of .* this save would lose it"):
        note.save(update_fields=["body"])
    assert title(notes) == ("acknowledged", "acknowledged")


def test_a_save_by_a_release_that_does_not_know_the_waiting_field_does_not_supersede_it(notes):
    notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
    note = notes.get(1)
    with pytest.raises(StaleInstance, match="rating"):
        note.save()
    assert notes.table.queue.depth() == 1


@pytest.mark.parametrize("fields", [("title", "body"), ("title", "size")])
def test_an_instance_loaded_without_its_stamp_is_not_saved(notes, fields):
    note = Note.objects.only(*fields).get(pk=1)
    notes.update(1, title="acknowledged")
    note.size = 5
    with pytest.raises(StaleInstance, match="loaded without cache_stamp"):
        note.save()
    assert title(notes) == ("acknowledged", "acknowledged")


def test_the_stamp_goes_along_with_named_fields_however_they_are_given(notes):
    note = Note.objects.get(pk=1)
    note.title = "a1"
    note.save(update_fields=["title"])
    assert Note.objects.get(pk=1).cache_stamp == note.cache_stamp > 0


def test_after_a_rollback_an_instance_has_seen_no_more_than_before(notes):
    note = notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: notes.via("write-through").update(1, title="acknowledged")).until("commit")
        note.body = "b1"
        with transaction.atomic():
            note.save()
            transaction.set_rollback(True)
        writer.finish()
        with pytest.raises(StaleInstance, match="written by somebody else"):
            note.save()
    assert title(notes) == ("acknowledged", "acknowledged")


def test_an_instance_is_saved_again_after_a_rollback_and_twice_in_one_transaction(notes):
    note = notes.get(1)
    with transaction.atomic():
        note.title = "lost"
        note.save()
        transaction.set_rollback(True)
    with transaction.atomic():
        note.title = "a1"
        note.save()
        note.body = "b1"
        note.save()
    note.title = "a2"
    note.save()
    assert title(notes) == ("a2", "a2")
    assert notes.get(1).body == "b1"


def test_a_partly_reloaded_instance_has_seen_no_more_than_that_part(notes):
    notes.via("write-behind").update(1, title="acknowledged")
    note = notes.get(1)
    note.refresh_from_db(fields=["title"])
    assert note.title == "a0"
    with pytest.raises(StaleInstance):
        note.save()
    note = notes.get(1)
    assert note.secret == "s0"  # loading a field that is not cached takes nothing away
    note.body = "b1"
    note.save()
    assert title(notes) == ("acknowledged", "acknowledged")


def test_a_reloaded_instance_can_be_saved_again(notes):
    note = Note.objects.get(pk=1)
    notes.update(1, title="newer")
    with pytest.raises(StaleInstance):
        note.save()
    note.refresh_from_db()
    note.body = "b1"
    note.save()
    assert title(notes) == ("newer", "newer")


def test_a_receiver_that_fails_after_the_row_was_written_leaves_the_mark_and_the_debt(notes, receiver, redis_queue):
    notes.get(1)

    def fail(instance):
        raise ValueError("no")

    receiver(Note, fail)
    note = Note.objects.get(pk=1)
    note.title = "written"
    with pytest.raises(ValueError, match="no"):
        note.save()
    [owed] = redis_queue.zrange("{flush:notes}:owed", 0, -1)
    redis_queue.zadd("{flush:notes}:owed", {owed: 0})  # its deadline passes
    notes.flush()
    assert title(notes) == ("written", "written")


def test_a_row_that_is_saved_again_as_soon_as_it_is_created_is_shown_as_it_is(users, receiver):
    def rename(instance):
        if instance.name == "first":
            instance.name = "later"
            transaction.on_commit(instance.save)

    receiver(User, rename)
    user = users.via("write-through").create(name="first", email="x@example.com")
    assert users.get(user.pk).name == User.objects.get(pk=user.pk).name == "later"


def test_a_stamp_that_is_refused_puts_the_old_value_back(notes, queue_server, redis_cache):
    notes.get(1)
    slot = redis_cache.get("v1:note:1")
    note = Note.objects.get(pk=1)
    queue_server.kill()
    for attempt in (note.save, note.delete):
        with pytest.raises(QueueUnavailable):
            attempt()
        assert redis_cache.get("v1:note:1") == slot


def test_a_queue_that_dies_after_the_commit_makes_the_outcome_unknown_not_refused(notes, queue_server):
    notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: notes.via("write-through").update(1, title="a1")).until("settle_up")
        queue_server.kill()
        with pytest.raises(OutcomeUnknown, match="The database has the write"):
            writer.finish()
    assert Note.objects.get(pk=1).title == "a1"
