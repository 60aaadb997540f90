"""A table that another model has too, or that is a view, is told of; what a view does not take is not acknowledged."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.db import connection, models

import cachedemo
from cachedemo import cache_for, checks
from cachedemo.exceptions import StatementRefused
from cachedemo.models import Stamped
from tests.cachedemo.made_models import a_class
from tests.cachedemo.test_cascades import new_models
from tests.notes.models import Note
from tests.notes.refusal import sql

pytestmark = pytest.mark.django_db(transaction=True)

SQLITE_ONLY = pytest.mark.skipif(connection.vendor != "sqlite", reason="others write such a view")
VIEW, NEW_ROW = "notes_view", 70
COLUMNS = {"title": models.CharField(max_length=100)}


@contextmanager
def unmanaged(db_table: str, base: type = Stamped, **options: Any) -> Iterator[Any]:
    """Yield the cache of a model that has this table, or view; the model itself where it is not registered."""
    with new_models() as there:
        model = a_class("Legacy", {**COLUMNS}, base, managed=False, db_table=db_table)
        there.append(model)
        if base is not Stamped:
            yield model
            return
        cachedemo.register(model)(type("LegacyCache", (cachedemo.ModelCache,), {"fields": ["title"], **options}))
        yield cache_for(model)


@contextmanager
def a_view(**options: Any) -> Iterator[Any]:
    """Yield the cache of one that no statement can write in SQLite; PostgreSQL writes the table below it."""
    sql(f"CREATE VIEW {VIEW} AS SELECT id, cache_stamp, title FROM notes_note")
    try:
        with unmanaged(VIEW, **options) as cache:
            yield cache
    finally:
        sql(f"DROP VIEW {VIEW}")


@contextmanager
def row_level_security() -> Iterator[None]:
    sql("ALTER TABLE notes_note ENABLE ROW LEVEL SECURITY")
    try:
        yield
    finally:
        sql("ALTER TABLE notes_note DISABLE ROW LEVEL SECURITY")


@pytest.fixture
def view(notes: Any) -> Iterator[Any]:
    Note.objects.create(pk=NEW_ROW, title="old")
    with a_view() as cache:
        yield cache


def of(id: str, found: list[CheckMessage]) -> list[str]:
    return [message.msg for message in found if message.id == f"cachedemo.{id}"]


def test_two_registered_models_of_one_table_are_refused(notes: Any) -> None:
    assert of("E025", checks.check_shared_tables()) == []
    with unmanaged("notes_note"):
        [said] = of("E025", checks.check_shared_tables())
        assert "notes.Legacy and notes.Note have one table, notes_note" in said
    assert of("E025", checks.check_shared_tables()) == []


def test_a_model_of_the_same_table_that_is_not_registered_is_told_of(notes: Any) -> None:
    with unmanaged("notes_note", models.Model):
        [said] = of("W036", checks.check_shared_tables())
        assert "what is written as notes.Legacy, which is not registered, bypasses the cache" in said


def test_two_models_of_one_name_in_two_databases_have_two_tables(notes: Any, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [LegacyElsewhere()]
    with unmanaged("notes_note", models.Model):
        assert checks.check_shared_tables() == []


class LegacyElsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model.__name__ == "Legacy" else None


def test_a_view_is_told_of(view: Any) -> None:
    [said] = of("W035", checks.check_tables(databases=["default"]))
    assert said.startswith("notes.Legacy is a view")
    assert checks.check_tables(databases=None) == []


@SQLITE_ONLY
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_what_a_view_does_not_take_is_refused(view: Any, pattern: str) -> None:
    view.warm([NEW_ROW])
    with pytest.raises(StatementRefused, match="is a view"):
        view.via(pattern).update(NEW_ROW, title="new")
    assert view.get(NEW_ROW).title == view.model.objects.get(pk=NEW_ROW).title == "old"


@SQLITE_ONLY
@pytest.mark.parametrize("triggers", [None, True])
def test_what_a_trigger_writes_instead_of_a_view_is_not_guessed(notes: Any, triggers: Any) -> None:
    """SQLite counts no row where a trigger takes the place of the statement, so nobody knows whether it wrote one."""
    Note.objects.create(pk=NEW_ROW, title="old")
    with a_view(triggers=triggers) as cache:
        sql(
            f"CREATE TRIGGER instead INSTEAD OF UPDATE ON {VIEW} BEGIN "
            "UPDATE notes_note SET title = NEW.title, cache_stamp = NEW.cache_stamp WHERE id = NEW.id; END"
        )
        with pytest.raises(StatementRefused, match="is a view"):
            cache.via("write-through").update(NEW_ROW, title="new")
    assert Note.objects.get(pk=NEW_ROW).title == "old"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="it writes no view")
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_view_that_the_database_writes_is_written(view: Any, pattern: str) -> None:
    view.via(pattern).update(NEW_ROW, title="new")
    view.drain(timeout=5)
    assert view.get(NEW_ROW).title == Note.objects.get(pk=NEW_ROW).title == "new"
