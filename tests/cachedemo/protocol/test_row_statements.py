"""The SELECT of one row: made once, and as Django would have it."""

from typing import Any
from unittest import mock

import pytest
from django.db import models
from django.db.models.sql.compiler import SQLCompiler

from cachedemo import cache_for
from cachedemo.exceptions import StatementRefused
from cachedemo.protocol import database
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import renamed_column


class ShoutedField(models.CharField):
    """What the database itself makes of the column, as a GIS field has it."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, list[Any]]:
        return f"replace(upper({sql}), %s, %s)", [*params, "W", "W!"]


@pytest.fixture
def notes(transactional_db: None) -> Any:
    past_cachedemo(Note).bulk_create(Note(pk=pk, title=f"note {pk}", cache_stamp=15) for pk in (1, 2))
    return cache_for(Note)


def test_a_second_row_is_selected_without_djangos_compiler(notes: Any) -> None:
    database.select(notes.table, 1)
    with mock.patch.object(SQLCompiler, "as_sql", side_effect=AssertionError("compiled")):
        row = database.select(notes.table, 2)
    assert row is not None
    assert (row[0], row[1]["title"]) == (15, "note 2")


def test_a_row_that_is_not_there_is_none(notes: Any) -> None:
    assert database.select(notes.table, 3) is None


def test_a_column_that_is_gone_is_an_error_and_no_text(notes: Any) -> None:
    assert database.select(notes.table, 1)
    with renamed_column(), pytest.raises(StatementRefused):
        database.select(notes.table, 1)


def test_a_column_is_selected_as_its_field_says(transactional_db: None) -> None:
    with made({"text": ShoutedField(max_length=10), "size": models.IntegerField()}) as cache:
        past_cachedemo(cache.table.model).bulk_create([cache.table.model(pk=7, text="low", size=1)])
        assert (cache.get(7).text, cache.get(7).size) == ("LOW!", 1)


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_what_an_update_gives_back_is_as_its_field_says_too(transactional_db: None, pattern: str) -> None:
    columns = {"title": ShoutedField(max_length=20, default="-"), "size": models.IntegerField(default=0)}
    with made(columns) as cache:
        row = cache.model.objects.create(title="how")
        for size in (1, 2):
            assert cache.via(pattern).update(row.pk, size=size).title == "HOW!"
            assert cache.get(row.pk).title == cache.get(row.pk).title == "HOW!"
            assert cache.drain(timeout=5) == (pattern == "write-behind")
            assert cache.get(row.pk).title == cache.model.objects.get().title
