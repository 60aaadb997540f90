"""The models that a migration sees count as the model they once were."""

import gc
import weakref
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import F
from django.db.models.signals import pre_delete

from cachedemo import cache_for
from cachedemo.protocol import versions
from tests.helpers import past_cachedemo
from tests.notes.models import Note

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0", size=pk, owner_id=1) for pk in (1, 2, 3)])
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    return notes


@pytest.fixture
def apps() -> Any:
    """What a `RunPython` is given as its first argument."""
    return MigrationLoader(connection).project_state(("notes", "0002_shelves")).apps


def shown(notes: Any, pk: int) -> tuple[str, str]:
    seen = notes.get(pk)
    notes.drain(timeout=5)
    row = Note.objects.get(pk=pk)
    assert (row.title, row.body) == (seen.title, seen.body)
    return seen.title, seen.body


def test_a_save_is_read_and_keeps_what_waits(notes: Any, apps: Any) -> None:
    notes.via("write-behind").update(1, body="waiting")
    for row in apps.get_model("notes", "Note").objects.filter(pk=1):
        row.title = row.title.upper()
        row.save()
    assert shown(notes, 1) == ("A0", "waiting")


def test_an_update_is_read_and_keeps_what_waits(notes: Any, apps: Any) -> None:
    notes.via("write-behind").update(1, body="waiting", title="waiting")
    historical = apps.get_model("notes", "Note")
    assert historical.objects.update(title="bulk", size=F("size") + 1) == 3
    assert shown(notes, 1) == ("bulk", "waiting")
    assert notes.get(3).size == 4


def test_a_create_and_a_delete_are_read(notes: Any, apps: Any) -> None:
    historical = apps.get_model("notes", "Note")
    with pytest.raises(Note.DoesNotExist):
        notes.get(4)
    historical.objects.create(pk=4, title="new")
    historical.objects.get(pk=2).delete()
    historical.objects.filter(pk=3).delete()
    historical.objects.bulk_create([historical(pk=5, title="new too")])
    assert (notes.get(4).title, notes.get(5).title) == ("new", "new too")
    assert set(notes.get_many([1, 2, 3])) == {1}


def test_a_cascade_from_a_historical_model_is_read(notes: Any, apps: Any) -> None:
    apps.get_model("users", "User").objects.filter(pk=1).delete()
    assert notes.get_many([1, 2, 3]) == {}


def test_a_historical_model_announces_no_version(notes: Any, apps: Any, redis_queue: Any) -> None:
    redis_queue.delete("{flush:notes}:versions")
    historical = apps.get_model("notes", "Note")
    historical.objects.update(title="bulk")
    row = historical.objects.get(pk=1)
    row.body = "saved"
    row.save()
    assert versions.fields_by_version(notes.table) == {}


def test_nor_does_it_with_its_second_write(notes: Any, apps: Any, redis_queue: Any, caplog: Any) -> None:
    redis_queue.delete("{flush:notes}:versions")
    historical = apps.get_model("notes", "Note")
    for pk in (4, 5, 6):
        historical.objects.create(pk=pk, title="new", owner_id=1)
    assert versions.fields_by_version(notes.table) == {}
    assert "taken off" not in caplog.text


def test_a_model_that_was_renamed_later_is_known_by_its_table(notes: Any) -> None:
    state = MigrationLoader(connection).project_state(("notes", "0002_shelves"))
    state.rename_model("notes", "Note", "Memo")
    state.alter_model_options("notes", "memo", {"db_table": "notes_note"})
    historical = state.apps.get_model("notes", "Memo")
    notes.via("write-behind").update(1, body="waiting", title="waiting")
    assert historical.objects.filter(pk=1).update(title="bulk") == 1
    assert shown(notes, 1) == ("bulk", "waiting")
    row = historical.objects.get(pk=2)
    row.title = "saved"
    row.save()
    historical.objects.filter(pk=3).delete()
    assert (shown(notes, 2), set(notes.get_many([2, 3]))) == (("saved", "b0"), {2})


def test_a_model_from_before_its_stamps_is_left_alone(notes: Any, apps: Any) -> None:
    state = MigrationLoader(connection).project_state(("notes", "0002_shelves"))
    state.remove_field("notes", "note", "cache_stamp")
    historical = state.apps.get_model("notes", "Note")
    assert historical.objects.update(secret="s") == 3
    assert historical.objects.update(title="raw") == 3


def test_what_migrations_make_by_the_thousand_is_thrown_away_again(notes: Any, apps: Any) -> None:
    """Each change of a table makes the classes around it anew; one receiver for each would be looked through by all."""

    def made_anew() -> tuple[Any, Any]:
        apps = MigrationLoader(connection).project_state(("notes", "0002_shelves")).apps
        note, user = apps.get_model("notes", "Note"), apps.get_model("users", "User")
        note.objects.filter(pk=3).update(title="by a migration")
        return weakref.ref(note), weakref.ref(user)

    made_anew()
    receivers = len(pre_delete.receivers)
    classes = [each for _ in range(3) for each in made_anew()]
    gc.collect()
    assert len(pre_delete.receivers) == receivers
    assert not [each for each in classes if each() is not None]
