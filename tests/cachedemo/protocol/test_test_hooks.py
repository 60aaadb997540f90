"""The hooks that Django keeps for a test of a `TestCase`, which pytest's `db` is too: the project's, and no finish."""

import pytest
from django.db import connection, transaction
from django.test import TestCase

from cachedemo import cache_for
from cachedemo.protocol import on_commit
from tests.notes.models import Note
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return User.objects.create(name="x", email="x@example.com")


@pytest.fixture
def note(owner: User) -> Note:
    return Note.objects.create(title="a", owner=owner)


def test_a_finish_of_a_block_is_not_captured_and_comes_before_the_hooks(owner: User) -> None:
    ran = []
    with TestCase.captureOnCommitCallbacks():
        transaction.on_commit(lambda: ran.append("earlier"))
        with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
            note = Note(title="a", owner=owner)
            with transaction.atomic():
                note.save()
            transaction.on_commit(lambda: ran.append(cache_for(Note).get(note.pk).title))
    assert ran == ["a"]
    assert len(callbacks) == 1


def test_outside_of_a_block_the_projects_own_hooks_are_all_there_are(owner: User) -> None:
    hook = cache_for(Note).announce
    with TestCase.captureOnCommitCallbacks() as callbacks:
        note = Note.objects.create(title="a", owner=owner)
        transaction.on_commit(hook)
    assert callbacks == [hook]
    assert not on_commit.is_being_written(cache_for(Note).table, [note.pk]), "it is finished at once"


def test_whatever_writes_in_a_block_adds_no_hook(owner: User, note: Note) -> None:
    with TestCase.captureOnCommitCallbacks() as callbacks, transaction.atomic():
        note.title = "b"
        note.save()
        Note.objects.bulk_create([Note(title="c", owner=owner)])
        Note.objects.update(title="d")
        Note.objects.get_or_create(title="e", owner=owner)
        Note.objects.update_or_create(title="e", defaults={"owner": owner, "body": "f"})
        note.delete()
        owner.delete()
        assert connection.run_on_commit == []
    assert callbacks == []


def test_what_a_savepoint_has_taken_back_is_never_finished(note: Note) -> None:
    """Neither Django's own savepoints nor one that is made by hand."""
    notes = cache_for(Note)
    notes.via("write-behind").update(note.pk, title="waits")
    note.title = "taken back"
    with transaction.atomic(), transaction.atomic():
        note.save()
        transaction.set_rollback(True)
    assert notes.get(note.pk).title == "waits"
    with transaction.atomic():
        savepoint = connection.savepoint()
        note.save()
        transaction.savepoint_rollback(savepoint)
    assert notes.get(note.pk).title == "waits"
    assert notes.table.queue.depth() == 1
