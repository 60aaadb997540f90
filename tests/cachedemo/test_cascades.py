"""A deletion that changes other rows: afterwards no read of them is old, whoever changes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.apps import apps
from django.db import connection, models

import cachedemo
from cachedemo import cache_for, registry
from cachedemo.models import Stamped
from cachedemo.signals import are_deletions_listened_to
from tests.helpers import past_cachedemo
from tests.notes.models import Note, Paper, Shelf
from users.models import User

ALL = ["nulled", "set", "defaulted", "own"]


@pytest.fixture
def shelves(transactional_db: None) -> list[Shelf]:
    return [Shelf.objects.create(name="first"), Shelf.objects.create(name="other")]


@pytest.fixture
def papers(shelves: list[Shelf]) -> Any:
    fields = {f"{name}_id": shelves[0].pk for name in ALL}
    past_cachedemo(Paper).bulk_create([Paper(pk=pk, title="t0", **fields) for pk in (1, 2)])
    papers = cache_for(Paper)
    papers.warm([1, 2])
    return papers


def test_a_row_whose_reference_is_changed_by_a_deletion_is_never_read_as_it_was(papers: Any, shelves: Any) -> None:
    papers.via("write-behind").update(1, title="waiting")
    shelves[0].delete()
    paper = papers.get(1)
    assert (paper.nulled_id, paper.set_id, paper.defaulted_id, paper.own_id) == (None, *[shelves[1].pk] * 3)
    assert paper.title == "waiting"
    papers.drain(timeout=5)
    assert Paper.objects.get(pk=1).title == "waiting"


@pytest.mark.parametrize("name", ALL)
def test_each_way_to_change_it_is_seen_on_its_own(papers: Any, shelves: Any, name: str) -> None:
    others = {f"{other}_id": None for other in ALL if other != name}
    past_cachedemo(Paper).update(**others)
    papers.evict([1, 2])
    papers.warm([1, 2])
    Shelf.objects.filter(name="first").delete()
    assert getattr(papers.get(1), f"{name}_id") == Paper.objects.values_list(f"{name}_id", flat=True).get(pk=1)
    assert getattr(papers.get(1), f"{name}_id") != shelves[0].pk


def test_a_reverse_manager_changes_what_is_read(papers: Any, shelves: Any) -> None:
    first, other = shelves
    other.papers.add(Paper.objects.get(pk=1))
    assert papers.get(1).nulled_id == other.pk
    first.papers.remove(Paper.objects.get(pk=2))
    assert papers.get(2).nulled_id is None
    first.papers.set(Paper.objects.all())
    assert papers.get(1).nulled_id == papers.get(2).nulled_id == first.pk
    first.papers.clear()
    assert papers.get(1).nulled_id is None


def test_only_deletions_that_concern_a_registered_model_are_listened_to() -> None:
    """Of any other model, Django deletes rows without loading them; a listener would end that."""
    assert are_deletions_listened_to("notes.Shelf")
    assert are_deletions_listened_to("notes.Note")
    assert not are_deletions_listened_to("sessions.Session")
    assert not models.signals.pre_delete.has_listeners(apps.get_model("sessions.Session"))


@pytest.mark.usefixtures("people")
def test_a_cascade_over_rows_of_another_model_is_seen() -> None:
    notes = cache_for(Note)
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", owner_id=1)])
    notes.warm([1])
    User.objects.filter(pk=1).delete()
    with pytest.raises(Note.DoesNotExist):
        notes.get(1)


# what the database does by itself

DB_ACTIONS = pytest.mark.skipif(django.VERSION < (6, 1), reason="DB_CASCADE came with Django 6.1")


@pytest.fixture
def boxes(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A box, a tray in it, and lids of both that the database changes or deletes along; lids are cached."""
    with new_models() as made:

        class Box(models.Model):  # noqa: DJ008
            class Meta:
                app_label = "notes"

        class Tray(models.Model):  # noqa: DJ008
            box = models.ForeignKey(Box, models.DB_CASCADE, null=True)

            class Meta:
                app_label = "notes"

        class Lid(Stamped):
            title = models.CharField(max_length=100)
            box = models.ForeignKey(Box, getattr(models, request.param), null=True)
            tray = models.ForeignKey(Tray, getattr(models, request.param), null=True)

            class Meta:
                app_label = "notes"

        made += [Box, Tray, Lid]
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        cachedemo.register(Lid)(type("LidCache", (cachedemo.ModelCache,), {"fields": ["title", "box", "tray"]}))
        box = Box.objects.create()
        tray = Tray.objects.create(box=box)
        Lid.objects.bulk_create([Lid(pk=1, title="t", box=box), Lid(pk=2, title="t", tray=tray), Lid(pk=3, title="t")])
        lids = cache_for(Lid)
        lids.warm([1, 2, 3])
        yield lids, box


@contextmanager
def new_models() -> Iterator[list[Any]]:
    """Models that are there for one test only."""
    made: list[Any] = []
    before = set(apps.all_models["notes"])
    try:
        yield made
    finally:
        with connection.schema_editor() as editor:
            for model in reversed(made):
                if model._meta.managed:
                    editor.delete_model(model)
        for model in made:
            registry._declared.pop(model, None)
        for name in set(apps.all_models["notes"]) - before:
            del apps.all_models["notes"][name]
        apps.clear_cache()


@DB_ACTIONS
@pytest.mark.parametrize("boxes", ["DB_CASCADE"], indirect=True)
def test_rows_that_the_database_deletes_along_are_not_read_any_more(boxes: Any) -> None:
    lids, box = boxes
    lids.via("write-behind").update(2, title="waiting")
    type(box).objects.all().delete()
    assert list(lids.get_many([1, 2, 3])) == [3]
    assert lids.table.queue.depth() == 0


@DB_ACTIONS
@pytest.mark.parametrize("boxes", ["DB_SET_NULL"], indirect=True)
def test_rows_that_the_database_changes_along_are_never_read_as_they_were(boxes: Any) -> None:
    lids, box = boxes
    lids.via("write-behind").update(2, title="waiting")
    box.delete()
    rows = lids.get_many([1, 2, 3])
    assert [(rows[pk].box_id, rows[pk].tray_id) for pk in (1, 2, 3)] == [(None, None)] * 3
    assert rows[2].title == "waiting"
    lids.drain(timeout=5)
    assert lids.model.objects.get(pk=2).title == "waiting"
