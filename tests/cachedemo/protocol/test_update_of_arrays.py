"""The UPDATE of a batch: one statement of arrays on PostgreSQL, and a short one where all rows are alike."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cachedemo import cache_for
from cachedemo.protocol import database, update_of_arrays
from tests.helpers import past_cachedemo
from tests.notes.models import Note

Batch = list[tuple[Any, dict[str, tuple[int, Any]], int]]


@pytest.fixture
def notes(transactional_db: None) -> Any:
    past_cachedemo(Note).bulk_create(Note(pk=pk, title="old", body="old", cache_stamp=15) for pk in range(1, 6))
    return cache_for(Note)


@pytest.fixture
def on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only: pytest --postgresql")


def stored(pk: int) -> tuple[Any, ...]:
    [row] = Note.objects.filter(pk=pk).values_list("title", "body", "size", "cache_stamp")
    return row


@pytest.mark.parametrize("alike", [True, False], ids=["rows alike", "rows of many kinds"])
def test_each_field_is_written_by_its_own_stamp(notes: Any, alike: bool) -> None:
    fields = {"title": (10, "below the row"), "body": (20, "new")}
    other = fields if alike else {"size": (20, 7)}
    database.apply_many(notes.table, [(1, fields, 20), (2, other, 20)])
    assert stored(1) == ("old", "new", 0, 20)
    assert stored(2) == (("old", "new", 0, 20) if alike else ("old", "old", 7, 20))


@pytest.mark.parametrize("stamp", [14, 15])
def test_a_row_that_has_reached_the_stamp_stays_as_it_is(notes: Any, stamp: int) -> None:
    rows: Batch = [(pk, {"title": (stamp, "late")}, stamp) for pk in (1, 2)]
    database.apply_many(notes.table, [*rows, (3, {"title": (16, "new")}, 16)])
    assert [stored(pk)[0] for pk in (1, 2, 3)] == ["old", "old", "new"]


def test_rows_that_are_alike_name_no_field_that_none_of_them_has(notes: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        database.apply_many(notes.table, [(pk, {"title": (20, "new")}, 20) for pk in (1, 2)])
    [update] = [query["sql"] for query in queries if "UPDATE" in query["sql"]]
    assert "body" not in update
    assert [stored(pk)[0] for pk in (1, 2)] == ["new", "new"]


def test_texts_are_written_to_the_letter(notes: Any) -> None:
    odd = ['a"b', "a\\b", "{}", ",", "NULL", "null", "", " a ", '\\"', "%s", "ä\n\t'"]
    past_cachedemo(Note).bulk_create(Note(pk=pk) for pk in range(10, 10 + len(odd)))
    database.apply_many(notes.table, [(pk, {"body": (20, text)}, 20) for pk, text in enumerate(odd, 10)])
    assert [stored(pk)[1] for pk, _ in enumerate(odd, 10)] == odd


def test_increments_of_a_batch_are_added_once_each(notes: Any) -> None:
    writer = notes.via("write-behind")
    for pk in (1, 2):
        writer.increment(pk, size=pk)
    [claimed], _ = notes.table.queue.claim(1, 30.0, 3)  # whose increment is sealed, and comes back
    notes.table.queue.release([claimed.pk])
    writer.increment(1, size=10)
    writer.update(3, title="new")
    assert notes.flush() == 3
    assert [stored(pk)[2] for pk in (1, 2, 3)] == [11, 2, 0]
    assert stored(3)[0] == "new"


def test_two_claims_of_one_row_are_both_written(notes: Any) -> None:
    database.apply_many(notes.table, [("1", {"title": (20, "new")}, 20), ("1", {"body": (21, "newer")}, 21)])
    assert stored(1) == ("new", "newer", 0, 21)


def test_a_batch_is_one_statement(notes: Any, on_postgresql: None) -> None:
    assert len(statements(notes, [(pk, {"title": (20, "new")}, 20) for pk in (1, 2, 3)])) == 1


def test_what_the_driver_must_write_down_goes_a_row_at_a_time(notes: Any, on_postgresql: None) -> None:
    class Text(str):
        pass

    assert len(statements(notes, [(pk, {"title": (20, "new")}, 20) for pk in (1, 1)])) == 2, "one row twice"
    assert update_of_arrays.statement_of_arrays(notes.table, [(1, {"title": (20, "alone")}, 20)]) is None
    assert len(statements(notes, [(pk, {"title": (20, Text("own"))}, 20) for pk in (1, 2)])) == 2


def test_rows_are_locked_in_the_order_of_the_batch(notes: Any, on_postgresql: None) -> None:
    """Not in that of the table: a write of many rows locks by key, and each would wait for the other."""
    past_cachedemo(Note).bulk_create(Note(pk=pk) for pk in range(100, 1000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notes_note")
    found = update_of_arrays.statement_of_arrays(
        notes.table, [(pk, {"title": (20, "new")}, 20) for pk in range(100, 900)]
    )
    assert found is not None
    statement, [arrays] = found
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(update_of_arrays.IN_ORDER)
        cursor.execute("EXPLAIN " + statement, arrays)
        plan = [line.strip(" ->") for (line,) in cursor.fetchall()]
    assert plan[1].startswith("Nested Loop"), plan
    assert plan[2].startswith("Function Scan on"), plan
    assert any(line.startswith("Index Scan using notes_note_pkey") for line in plan), plan


def statements(notes: Any, batch: Batch) -> list[Any]:
    found: Callable[[Any, Any], Any] = update_of_arrays.statement_of_arrays
    together = found(notes.table, batch)
    return together[1] if together else [None] * len(batch)
