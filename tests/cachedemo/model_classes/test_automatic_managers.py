"""Which managers take the steps: those that Django makes by itself, and no other; migrations stay as they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from cachedemo.managers import CachedManager
from cachedemo.model_classes import automatic_managers
from cachedemo.models import Stamped
from tests.notes.models import Note, Shelf


@pytest.fixture(autouse=True)
def no_models_are_left() -> Iterator[None]:
    before = set(apps.all_models["notes"])
    yield
    for name in set(apps.all_models["notes"]) - before:
        del apps.all_models["notes"][name]
    apps.clear_cache()


def test_the_automatic_managers_of_a_registered_model_take_the_steps() -> None:
    for manager in (Note.objects, Note._default_manager, Note._base_manager):
        assert isinstance(manager, CachedManager)
        assert manager.model is Note
        assert not manager.use_in_migrations
    assert type(Shelf.objects) is type(Shelf._base_manager) is models.Manager


def test_they_stay_when_django_forgets_what_it_knew_of_a_model() -> None:
    apps.clear_cache()
    Note._meta._expire_cache()
    assert isinstance(Note._base_manager, CachedManager)
    assert isinstance(Note.objects, CachedManager)


def test_a_proxy_and_a_child_have_them_too() -> None:
    class Sketch(Note):
        class Meta:
            app_label, proxy = "notes", True

    class LongNote(Note):
        class Meta:
            app_label = "notes"

    for model in (Sketch, LongNote):
        assert isinstance(model._base_manager, CachedManager)
        assert isinstance(model.objects, CachedManager)
        assert model.objects.model is model._base_manager.model is model


def test_a_projects_own_managers_and_their_order_stay() -> None:
    class First(models.Manager):
        pass

    class Own(Stamped):
        first: Any = First()
        objects: Any = models.Manager()

        class Meta:
            app_label = "notes"
            base_manager_name = "first"

    before = [(manager.name, type(manager)) for manager in Own._meta.managers]
    automatic_managers.replace(Own)
    assert [(manager.name, type(manager)) for manager in Own._meta.managers] == before
    assert type(Own._default_manager) is type(Own._base_manager) is First


def test_inherited_managers_stay_the_default() -> None:
    class First(models.Manager):
        pass

    class Base(Stamped):
        first: Any = First()

        class Meta:
            app_label, abstract = "notes", True

    class Child(Base):
        class Meta:
            app_label = "notes"

    automatic_managers.replace(Child)
    assert type(Child._default_manager) is First
    assert isinstance(Child._base_manager, CachedManager)


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
