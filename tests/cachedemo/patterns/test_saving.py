"""A `save()` is Django's own, and loses nothing that was acknowledged: merged by default, or refused."""

import copy
import json
import pickle

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Concat, Upper
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from cachedemo import cache_for
from cachedemo.exceptions import OutcomeUnknown, QueueUnavailable, StaleInstance, UnknownFieldWaiting
from cachedemo.models import Stamped
from cachedemo.protocol import synchronous
from tests.cachedemo.made_models import made
from tests.faults.roles import hand_out_new_ids
from tests.helpers import past_cachedemo
from tests.interleaving import interleaving
from tests.notes.models import Note, Sample
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes():
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", body="b0", secret="s0", owner_id=1)])
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


def row(pk=1):
    """The row as the database has it."""
    return Note.objects.values("title", "body", "size", "secret").get(pk=pk)


def shown(notes, pk=1):
    """What a read shows, which must be what the row has once nothing waits any more."""
    seen = notes.get(pk)
    shown = {"title": seen.title, "body": seen.body, "size": seen.size}
    notes.drain(timeout=5)
    assert {name: row(pk)[name] for name in shown} == shown
    return shown


@pytest.fixture
def refuse(notes, monkeypatch):
    """The registration with `stale_saves = "refuse"`."""
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    return notes


# merge: named fields


def test_a_save_of_named_fields_writes_these_and_carries_what_waits(notes):
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, title="acknowledged")
    note.body, note.size = "b1", 7
    note.save(update_fields=["body"])
    assert row() == {"title": "acknowledged", "body": "b1", "size": 0, "secret": "s0"}
    assert shown(notes) == {"title": "acknowledged", "body": "b1", "size": 0}


def test_two_copies_that_save_different_fields_both_land(notes):
    one, other = Note.objects.get(pk=1), notes.get(1)
    one.title, other.body = "a1", "b1"
    one.save(update_fields=["title"])
    other.save(update_fields=["body"])
    assert shown(notes) == {"title": "a1", "body": "b1", "size": 0}


def test_a_field_that_is_named_is_written_although_it_has_not_changed(notes):
    note = Note.objects.get(pk=1)
    notes.update(1, title="newer")
    note.save(update_fields=["title"])
    assert shown(notes)["title"] == "a0"


def test_naming_fields_that_are_not_cached_asks_no_server(notes, broken_queue):
    note = Note.objects.get(pk=1)
    note.secret = "s1"
    with broken_queue():
        note.save(update_fields=["secret"])
        assert row()["secret"] == "s1"


def test_the_stamp_goes_along_with_named_fields_however_they_are_given(notes):
    note = Note.objects.get(pk=1)
    note.title = "a1"
    note.save(update_fields=["title"])
    assert Note.objects.get(pk=1).cache_stamp == note.cache_stamp > 0


# merge: whole saves


@pytest.mark.parametrize(
    "load", [lambda notes: Note.objects.get(pk=1), lambda notes: notes.get(1)], ids=["orm", "cache"]
)
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
@pytest.mark.parametrize("flushed", [False, True])
def test_a_whole_save_puts_nothing_back_that_it_did_not_change(notes, load, pattern, flushed):
    note = load(notes)
    notes.via(pattern).update(1, title="acknowledged")
    if flushed:
        notes.drain(timeout=5)
    note.body = "b1"
    note.save()
    assert shown(notes) == {"title": "acknowledged", "body": "b1", "size": 0}


def test_the_instance_shows_what_its_save_carried(notes):
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, title="acknowledged")
    note.body = "b1"
    note.save()
    assert (note.title, note.cache_stamp) == ("acknowledged", Note.objects.get(pk=1).cache_stamp)


def test_a_field_changed_by_both_is_the_savers(notes):
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, title="waits")
    note.title = "saved"
    note.save()
    assert shown(notes)["title"] == "saved"


def test_a_write_that_is_under_way_when_the_instance_is_loaded_is_not_put_back(notes):
    """A write-through has its stamp, a write-behind gets a newer one, and only then the instance is loaded."""
    notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: notes.via("write-through").update(1, body="acknowledged")).until("commit")
        notes.via("write-behind").update(1, title="waits")
        note = notes.get(1)
        assert note.body == "b0"
        writer.finish()
        note.size = 3
        note.save()
    assert shown(notes) == {"title": "waits", "body": "acknowledged", "size": 3}


@pytest.mark.parametrize("fields", [("title", "body"), ("title", "size")])
def test_an_instance_with_deferred_fields_is_saved_as_far_as_it_was_loaded(notes, fields):
    note = Note.objects.only(*fields).get(pk=1)
    notes.update(1, title="acknowledged")
    note.size = 5
    note.save()
    assert shown(notes) == {"title": "acknowledged", "body": "b0", "size": 5}


def test_nothing_changed_is_nothing_written(notes, broken_queue):
    note = notes.get(1)
    with broken_queue():
        note.save()
        assert note.cache_stamp == Note.objects.get(pk=1).cache_stamp


def test_values_changed_in_place_count_as_changed(people):
    samples = cache_for(Sample)
    made = samples.create(price="1.5", at="2026-01-01T00:00:00Z", flags={"a": [1]})
    for load in (lambda: Sample.objects.get(pk=made.pk), lambda: samples.get(made.pk)):
        sample = load()
        sample.flags["a"].append(2)
        sample.save()
        assert Sample.objects.get(pk=made.pk).flags == sample.flags == samples.get(made.pk).flags
        sample.flags["a"].append(3)  # what a save has written counts as loaded, and changes in place count again
        sample.save()
        assert Sample.objects.get(pk=made.pk).flags == sample.flags


def test_a_field_set_back_to_what_was_saved_between_is_written(notes):
    note = Note.objects.get(pk=1)
    for title in ("a1", "a0", "a1"):
        note.title = title
        note.save()
        assert row()["title"] == title


def test_an_upsert_writes_every_field(notes):
    notes.via("write-behind").update(1, title="waits", body="waits")
    Note(pk=1, title="upsert", owner_id=1).save()
    assert row() == {"title": "upsert", "body": "", "size": 0, "secret": ""}
    assert shown(notes) == {"title": "upsert", "body": "", "size": 0}


def test_a_copy_is_inserted_whole(notes):
    note = Note.objects.get(pk=1)
    hand_out_new_ids()
    note.pk, note._state.adding = None, True
    note.save()
    assert note.pk != 1
    assert shown(notes, note.pk) == {"title": "a0", "body": "b0", "size": 0}
    assert row(note.pk)["secret"] == "s0"


def test_an_instance_saved_under_another_key_writes_every_field_there(notes):
    past_cachedemo(Note).bulk_create([Note(pk=2, title="other", body="other", owner_id=1)])
    note = Note.objects.get(pk=1)
    note.pk = 2
    note.save()
    assert shown(notes, 2) == {"title": "a0", "body": "b0", "size": 0}


@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda note: pickle.loads(pickle.dumps(note))])
def test_a_copied_or_pickled_instance_remembers_what_it_was_loaded_with(notes, through):
    note = through(Note.objects.get(pk=1))
    notes.update(1, title="acknowledged")
    note.body = "b1"
    note.save()
    assert shown(notes) == {"title": "acknowledged", "body": "b1", "size": 0}


def test_an_expression_is_computed_from_what_waits(notes):
    notes.via("write-behind").update(1, size=10, title="waits")
    note = Note.objects.get(pk=1)
    note.size = F("size") + 1
    note.body = Concat(F("title"), Upper(F("body")))
    note.save()
    assert shown(notes) == {"title": "waits", "body": "waitsB0", "size": 11}


def test_what_the_database_has_computed_is_not_put_back_by_the_next_save(notes):
    note = Note.objects.get(pk=1)
    note.size = F("size") + 1
    note.save()
    if hasattr(note.size, "resolve_expression"):  # before Django 6.0 it would be computed again, as Django documents
        note.refresh_from_db(fields=["size"])
    assert note.size == 1
    notes.update(1, size=20)
    note.title = "a1"
    note.save()
    assert shown(notes) == {"title": "a1", "body": "b0", "size": 20}


def test_a_row_that_is_gone_stays_gone_with_djangos_own_error(notes):
    gone = getattr(Note, "NotUpdated", DatabaseError)
    for options in ({}, {"update_fields": ["title"]}, {"force_update": True}):
        note = Note(pk=9, title="x", owner_id=1)
        note.save()
        note = Note.objects.get(pk=9)
        notes.delete(9)
        note.title = "back"
        with pytest.raises(gone):
            note.save(**options)
        assert not Note.objects.filter(pk=9).exists()


@pytest.fixture
def newer_release(redis_queue):
    """A version is live that has a field which nobody here knows."""
    newer = json.dumps({"state": "live", "since": 0, "fields": ["body", "rating", "size", "title"]})
    redis_queue.hset("{flush:notes}:versions", "2", newer)


@pytest.mark.usefixtures("newer_release")
def test_a_save_by_a_release_that_does_not_know_the_waiting_field_does_not_supersede_it(notes, monkeypatch):
    monkeypatch.setattr(synchronous, "FLUSH_PATIENCE", 0.1)
    notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
    note = notes.get(1)
    note.title = "a1"
    with pytest.raises(UnknownFieldWaiting, match="rating"):
        note.save()
    assert notes.table.queue.depth() == 1
    assert row()["title"] == "a0"


@pytest.mark.usefixtures("newer_release")
def test_a_field_nobody_here_knows_fails_at_once_where_its_flush_would_wait_for_this_very_transaction(notes):
    note = notes.get(1)
    with transaction.atomic():
        note.title = "a1"
        note.save()
        notes.table.queue.enqueue(1, 0, 10, {"rating": 5})
        note.body = "b1"
        with pytest.raises(UnknownFieldWaiting):
            note.save()
        transaction.set_rollback(True)


# transactions


def test_after_a_rollback_what_was_saved_counts_as_changed_again(notes):
    """Else a retried transaction would write nothing, and be acknowledged."""
    note = notes.get(1)
    note.title = "retried"
    with transaction.atomic():
        note.save()
        transaction.set_rollback(True)
    with transaction.atomic():
        note.save()
    assert shown(notes)["title"] == "retried"


@pytest.mark.parametrize("savepoint", [False, True])
def test_after_a_rollback_what_was_only_carried_does_not_count_as_changed(notes, savepoint):
    """The instance shows what its save carried; a second try must not write that over what is newer by then."""
    notes.via("write-behind").update(1, body="waits")
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        note.title = "saved"
        note.save(update_fields=["title"]) if savepoint else None
        try:
            with transaction.atomic():
                note.size = 7
                note.save()
                raise ValueError
        except ValueError:
            transaction.set_rollback(True)
    assert note.body == "waits"
    notes.update(1, body="acknowledged")
    note.save()
    assert shown(notes) == {"title": "saved", "body": "acknowledged", "size": 7}


def test_after_a_savepoint_is_rolled_back_the_save_before_it_still_counts(notes):
    note = notes.get(1)
    with transaction.atomic():
        note.title = "first"
        note.save()
        try:
            with transaction.atomic():
                note.title = "second"
                note.save()
                raise ValueError
        except ValueError:
            note.title = "a0"  # what it was loaded with, but not what the row has now
        note.save()
    assert shown(notes)["title"] == "a0"


def test_after_a_rollback_nothing_is_put_back_that_others_wrote(notes):
    note = notes.get(1)
    with interleaving() as actor:
        writer = actor(lambda: notes.via("write-through").update(1, title="acknowledged")).until("commit")
        note.body = "b1"
        with transaction.atomic():
            note.save()
            transaction.set_rollback(True)
        writer.finish()
    note.save()
    assert shown(notes) == {"title": "acknowledged", "body": "b1", "size": 0}


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
    assert shown(notes) == {"title": "a2", "body": "b1", "size": 0}


@pytest.mark.parametrize("read", ["get", "get_many"])
@pytest.mark.parametrize("write", ["update", "insert", "delete"])
def test_a_read_in_a_transaction_after_its_own_write_sees_it_whatever_became_of_the_slot(
    notes, redis_cache, read, write
):
    slot = None
    with transaction.atomic():
        if write == "insert":
            with pytest.raises(Note.DoesNotExist):
                notes.get(5)
            Note(pk=5, title="a1", owner_id=1).save()
        else:
            notes.get(1)
            note = Note.objects.get(pk=1)
            note.title = "a1"
            note.save() if write == "update" else note.delete()
        pk = 5 if write == "insert" else 1
        slot = b"V%016d" % 1 + b'{"id": %d, "title": "old", "body": "", "size": 0}' % pk
        redis_cache.set(f"v1:note:{pk}", slot, ex=60)  # the mark was evicted, and somebody filled the slot
        found = notes.get_many([pk])
        if write == "delete":
            assert found == {}
        else:
            assert (found[pk] if read == "get_many" else notes.get(pk)).title == "a1"


def test_an_on_commit_hook_registered_before_the_save_reads_what_was_saved(notes):
    notes.get(1)
    seen = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(notes.get(1).title))
        note = Note.objects.get(pk=1)
        note.title = "a1"
        note.save()
    assert seen == ["a1"]


@pytest.mark.parametrize("atomic", [False, True])
def test_a_receiver_connected_before_ours_reads_what_was_saved(notes, receiver, atomic):
    notes.get(1)
    seen = []
    receiver(Note, lambda instance: seen.append(notes.get(1).title))
    note = Note.objects.get(pk=1)
    note.title = "a1"
    if atomic:
        with transaction.atomic():
            note.save()
    else:
        note.save()
    assert seen == ["a1"]


# refuse


def test_an_instance_that_missed_an_acknowledged_write_is_refused(refuse):
    for pattern in ("cache-aside", "write-through", "write-behind"):
        for how, load in enumerate((lambda: Note.objects.get(pk=1), lambda: refuse.get(1))):
            refuse.drain(timeout=5)
            note, before = load(), row()
            refuse.via(pattern).update(1, title=f"acknowledged {pattern} {how}")
            note.body = "b1"
            for options in ({}, {"update_fields": ["body"]}):
                with pytest.raises(StaleInstance, match="title"):
                    note.save(**options)
            refuse.drain(timeout=5)
            assert row() == before | {"title": f"acknowledged {pattern} {how}"}


def test_what_was_under_way_when_the_instance_was_loaded_is_refused_too(refuse):
    refuse.get(1)
    with interleaving() as actor:
        writer = actor(lambda: refuse.via("write-through").update(1, body="acknowledged")).until("commit")
        refuse.via("write-behind").update(1, title="waits")
        note = refuse.get(1)
        writer.finish()
        note.size = 3
        with pytest.raises(StaleInstance, match="body"):
            note.save()
    assert shown(refuse) == {"title": "waits", "body": "acknowledged", "size": 0}


def test_nothing_is_refused_where_nothing_was_missed(refuse):
    refuse.via("write-behind").update(1, title="waits")
    note = refuse.get(1)
    note.size = 1
    note.save()  # over what still waits, which it has seen
    refuse.via("write-behind").update(1, title="waits again")
    note = refuse.get(1)
    refuse.drain(timeout=5)  # a flush of what it has seen
    note.body = "b1"
    note.save()
    note.size = 2
    note.save()
    with transaction.atomic():
        note.title = "a1"
        note.save()
        note.body = "b2"
        note.save()
    assert shown(refuse) == {"title": "a1", "body": "b2", "size": 2}


def test_an_upsert_over_a_row_that_it_has_not_seen_is_refused(refuse):
    with pytest.raises(StaleInstance):
        Note(pk=1, title="upsert", owner_id=1).save()
    Note(pk=7, title="new", owner_id=1).save()
    assert shown(refuse, 7)["title"] == "new"


def test_a_stale_instance_is_a_database_error():
    assert issubclass(StaleInstance, DatabaseError)


def test_a_partly_reloaded_instance_has_seen_that_part(notes):
    notes.via("write-behind").update(1, title="acknowledged")
    note = notes.get(1)
    note.refresh_from_db(fields=["title"])
    assert note.title == "a0"
    note.body = "b1"
    note.save()
    assert note.secret == "s0"  # loading a field that is not cached takes nothing away
    assert shown(notes)["title"] == "acknowledged"


# failures


def test_a_refused_save_owes_nothing_and_leaves_the_instance_as_it_was(notes, redis_queue, redis_cache):
    notes.get(1)
    slot = redis_cache.get("v1:note:1")
    note = Note.objects.get(pk=1)
    note.size = -1
    for _ in range(2):  # it still counts as changed
        with pytest.raises(IntegrityError):
            note.save()
    assert (redis_cache.get("v1:note:1"), note.cache_stamp) == (slot, 0)
    assert redis_queue.zcard("{flush:notes}:owed") == 0


def test_a_save_costs_no_more_statements_than_djangos_own(notes):
    note = Note.objects.get(pk=1)
    note.title = "a1"
    with CaptureQueriesContext(
        connection,
    ) as sent:
        note.save()
    assert len(sent) == 1


def test_a_receiver_that_fails_after_the_row_was_written_takes_nothing_back(notes, receiver, redis_queue):
    notes.get(1)

    def fail(instance):
        raise ValueError("no")

    receiver(Note, fail)
    note = Note.objects.get(pk=1)
    note.title = "written"
    with pytest.raises(ValueError, match="no"):
        note.save()
    assert redis_queue.zcard("{flush:notes}:owed") == 0
    assert title(notes) == ("written", "written")


def test_a_row_that_is_saved_again_as_soon_as_it_is_created_is_shown_as_it_is(users, receiver):
    def rename(instance):
        if instance.name == "first":
            instance.name = "later"
            transaction.on_commit(instance.save)

    receiver(User, rename)
    user = users.via("write-through").create(name="first", email="x@example.com")
    assert users.get(user.pk).name == User.objects.get(pk=user.pk).name == "later"


def test_a_stamp_that_is_refused_puts_the_old_value_back(notes, broken_queue, redis_cache):
    notes.get(1)
    slot = redis_cache.get("v1:note:1")
    note = Note.objects.get(pk=1)
    note.title = "a1"
    with broken_queue():
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


class StateHasChanged(Exception):
    pass


class OnlyFromItsState(models.Model):
    """Saves a row only if its state still is what the instance was loaded with, as packages of state machines do."""

    class Meta:
        abstract = True

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.loaded_state = self.state

    def _do_update(self, base_qs, using, pk_val, values, update_fields, forced_update, *rest, **named):
        updated = super()._do_update(
            base_qs=base_qs.filter(state=self.loaded_state),
            using=using,
            pk_val=pk_val,
            values=values,
            update_fields=update_fields,
            forced_update=forced_update,
            **dict(zip(("returning_fields",), rest, strict=False)) | named,
        )
        if not updated and base_qs.filter(pk=pk_val).exists():
            raise StateHasChanged
        return updated


class GuardedBase(OnlyFromItsState, Stamped):
    class Meta:
        abstract = True


@pytest.mark.django_db(transaction=True)
def test_a_projects_own_update_that_lets_fewer_rows_through_says_what_becomes_of_the_save(redis_queue):
    columns = {"state": models.CharField(max_length=9, default="new"), "title": models.CharField(max_length=9)}
    with made(columns, GuardedBase) as cache:
        cache.model(title="a").save()
        one, other = cache.get(1), cache.get(1)
        one.state = "published"
        one.save()
        other.state, other.title = "withdrawn", "b"
        for _ in range(2):
            with pytest.raises(StateHasChanged):
                other.save()
        assert redis_queue.zcard("{flush:mades}:owed") == 0
        assert (cache.get(1).state, cache.get(1).title) == ("published", "a")
        gone = cache.get(1)
        cache.delete(1)
        gone.title = "c"
        with pytest.raises(DatabaseError, match="was deleted since"):
            gone.save()
        cache.model(pk=7, title="d").save()
        assert cache.get(7).state == "new"
