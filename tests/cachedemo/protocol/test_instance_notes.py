"""What is noted of an instance while it is being saved or created stays with it, and with no copy of it."""

import copy
import gc
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import models

from cachedemo import cache_for
from tests.notes.models import Note

pytestmark = pytest.mark.usefixtures("people")


def pickled(instance: Any) -> Any:
    return pickle.loads(pickle.dumps(instance))


def itself(instance: Any) -> Any:
    return instance


@contextmanager
def received(signal: models.signals.ModelSignal, kept: Any) -> Iterator[list[Any]]:
    """Give the list of what a receiver keeps of each instance."""
    instances: list[Any] = []

    def keep(instance: Any, **_: Any) -> None:
        instances.append(kept(instance))

    signal.connect(keep, sender=Note)
    try:
        yield instances
    finally:
        signal.disconnect(keep, sender=Note)


def create() -> Any:
    return cache_for(Note).create(title="a", body="b0")


def create_by_orm() -> Any:
    return Note.objects.create(title="a", body="b0")


@pytest.mark.parametrize("kept", [copy.copy, copy.deepcopy, pickled, itself])
@pytest.mark.parametrize("created", [create, create_by_orm])
def test_what_a_receiver_keeps_of_a_row_that_is_created_is_saved_like_any_other(created: Any, kept: Any) -> None:
    notes = cache_for(Note)
    with received(models.signals.post_save, kept) as instances:
        pk = created().pk
    assert notes.get(pk).title == "a"
    notes.via("write-behind").update(pk, body="acknowledged")
    instances[0].title = "changed"
    instances[0].save()
    assert (notes.get(pk).title, notes.get(pk).body) == ("changed", "acknowledged")
    notes.drain(timeout=5)
    assert (notes.get(pk).title, notes.get(pk).body) == ("changed", "acknowledged")


@pytest.mark.parametrize("created", [create, create_by_orm])
def test_a_pickle_of_a_row_that_is_created_may_be_read_much_later(created: Any) -> None:
    notes = cache_for(Note)
    with received(models.signals.post_save, pickle.dumps) as texts:
        pk = created().pk
    gc.collect()
    notes.update(pk, body="acknowledged")
    note = pickle.loads(texts[0])
    note.title = "changed"
    note.save()
    assert (notes.get(pk).title, notes.get(pk).body) == ("changed", "acknowledged")


@pytest.mark.parametrize("kept", [copy.copy, pickled])
@pytest.mark.parametrize("signal", [models.signals.pre_save, models.signals.post_save])
def test_a_copy_that_is_made_during_a_save_carries_nothing_of_it(signal: Any, kept: Any) -> None:
    note = Note.objects.create(title="a")
    with received(signal, kept) as instances:
        note.save(update_fields=["title"])
    cache_for(Note).update(note.pk, body="acknowledged")
    instances[0].title = "changed"
    instances[0].save_base(raw=True)
    assert (cache_for(Note).get(note.pk).title, cache_for(Note).get(note.pk).body) == ("changed", "acknowledged")


def test_a_receiver_that_saves_the_row_again_while_it_is_created_writes_it(people: Any) -> None:
    def save_again(instance: Any, created: bool, **_: Any) -> None:
        if created:
            instance.body = "again"
            instance.save()

    models.signals.post_save.connect(save_again, sender=Note)
    try:
        pk = create().pk
    finally:
        models.signals.post_save.disconnect(save_again, sender=Note)
    assert cache_for(Note).get(pk).body == Note.objects.get(pk=pk).body == "again"


@pytest.mark.parametrize("delete", [lambda note: note.delete(), lambda note: Note.objects.filter(pk=note.pk).delete()])
def test_a_row_that_a_receiver_deletes_while_it_is_created_does_not_exist(delete: Any) -> None:
    def receive(instance: Any, created: bool, **_: Any) -> None:
        delete(instance)

    models.signals.post_save.connect(receive, sender=Note)
    try:
        with pytest.raises(Note.DoesNotExist, match="a receiver or a trigger"):
            create()
    finally:
        models.signals.post_save.disconnect(receive, sender=Note)
    assert not Note.objects.exists()
