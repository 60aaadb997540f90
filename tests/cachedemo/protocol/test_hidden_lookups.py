"""A manager and lookups in one registration: what the manager hides has no value that it could be looked up by."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models

from cachedemo.managers import CachedManager
from tests.cachedemo.made_models import made
from tests.cachedemo.protocol.test_row_filter import NOON, PATTERNS, LiveManager, ways_to_hide

ISBN, OTHER = "978-0", "978-1"


def columns(**options: Any) -> dict[str, Any]:
    return {
        "title": models.CharField(max_length=20, default="t"),
        "isbn": models.CharField(max_length=20, **options),
        "deleted_at": models.DateTimeField(null=True),
        "objects": LiveManager(),
        "everything": CachedManager(),
    }


@pytest.fixture
def books(transactional_db: None) -> Iterator[Any]:
    with made(columns(unique=True), manager="objects", lookups=["isbn"]) as cache:
        yield cache


@pytest.fixture(params=["remembered", "not remembered"])
def book(request: Any, books: Any) -> int:
    """A row that is there, with its hint and without."""
    pk: int = books.create(title="old", isbn=ISBN).pk
    if request.param == "remembered":
        assert books.get_by(isbn=ISBN).pk == pk
    return pk


def found(books: Any, isbn: str) -> Any:
    """Look it up in every way that there is, with the slots as they are and with empty ones; all must agree."""
    answers = []
    for _ in range(2):
        many = books.get_many_by("isbn", [isbn])
        answers.append(many[isbn].pk if many else None)
        for read in (books.get_by, books.read_by):
            try:
                answers.append(getattr(read(isbn=isbn), "pk", "a row"))
            except books.model.DoesNotExist:
                answers.append(None)
        books.evict(books.model.everything.values_list("pk", flat=True))
    assert len({answer is None for answer in answers}) == 1, answers
    return answers[0]


@pytest.mark.parametrize("way", ways_to_hide())
def test_a_row_that_is_hidden_is_looked_up_by_nobody_and_found_again_when_it_is_shown(
    books: Any, book: int, way: str
) -> None:
    ways_to_hide()[way](books, book)
    assert found(books, ISBN) is None
    books.model.everything.filter(pk=book).update(deleted_at=None)
    assert found(books, ISBN) == book


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_value_that_a_hidden_row_gives_up_is_the_next_ones(books: Any, book: int, pattern: str) -> None:
    books.update(book, deleted_at=NOON)
    assert found(books, ISBN) is None
    books.model.everything.filter(pk=book).update(isbn=OTHER)
    heir = books.via(pattern).create(isbn=ISBN)
    assert found(books, ISBN) == heir.pk
    assert found(books, OTHER) is None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_row_is_hidden_and_gets_a_value_in_one_write(books: Any, book: int, pattern: str) -> None:
    books.via(pattern).update(book, isbn=OTHER, deleted_at=NOON)
    assert (found(books, ISBN), found(books, OTHER)) == (None, None)
    books.drain(timeout=5)
    assert books.model.everything.get().isbn == OTHER
    books.model.everything.update(deleted_at=None)
    assert (found(books, ISBN), found(books, OTHER)) == (None, book)


def test_a_value_that_is_unique_among_the_shown_rows_only_cannot_be_looked_up(transactional_db: None) -> None:
    """The database lets many hidden rows have it, and no hint says which row is shown."""
    among_shown = models.UniqueConstraint(fields=["isbn"], condition=models.Q(deleted_at=None), name="shown_once")
    with (
        pytest.raises(ImproperlyConfigured, match=r"lookups = \['isbn'\]: .*isbn.*unique"),
        made(columns(), meta={"constraints": [among_shown]}, manager="objects", lookups=["isbn"]),
    ):
        pass
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS notes_made")
