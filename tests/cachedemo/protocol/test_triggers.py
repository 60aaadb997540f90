"""What the database makes of a row by itself, every read shows: where the registration says that it has triggers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, models, transaction

from cachedemo import Pattern, checks
from cachedemo.operations import audit
from cachedemo.protocol import triggers
from tests.cachedemo.made_models import made
from tests.notes.refusal import sql

pytestmark = pytest.mark.django_db(transaction=True)

TABLE = "notes_made"
MAKE_LOUD = f"UPDATE {TABLE} SET loud = upper(NEW.title), code = NEW.title WHERE id = NEW.id"
FUNCTION = "CREATE FUNCTION make_loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
BEFORE = "NEW.loud := upper(NEW.title); NEW.code := NEW.title;"
ON_CHANGE = "FOR EACH ROW WHEN (NEW.loud IS DISTINCT FROM upper(NEW.title)) EXECUTE FUNCTION make_loud()"
KINDS = {
    "after": {
        "sqlite": [
            f"CREATE TRIGGER loud_insert AFTER INSERT ON {TABLE} BEGIN {MAKE_LOUD}; END",
            f"CREATE TRIGGER loud_update AFTER UPDATE OF title ON {TABLE} BEGIN {MAKE_LOUD}; END",
        ],
        "postgresql": [
            FUNCTION.format(f"{MAKE_LOUD};"),
            f"CREATE TRIGGER loud AFTER INSERT OR UPDATE ON {TABLE} {ON_CHANGE}",
        ],
    },
    "before": {
        "postgresql": [
            FUNCTION.format(BEFORE),
            f"CREATE TRIGGER loud BEFORE INSERT OR UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION make_loud()",
        ],
        "mysql": [
            f"CREATE TRIGGER loud_{event} BEFORE {event} ON {TABLE} FOR EACH ROW "
            "SET NEW.loud = upper(NEW.title), NEW.code = NEW.title"
            for event in ("INSERT", "UPDATE")
        ],
    },
    "deferred": {
        "postgresql": [
            FUNCTION.format(f"{MAKE_LOUD};"),
            f"CREATE CONSTRAINT TRIGGER loud AFTER INSERT OR UPDATE ON {TABLE} DEFERRABLE INITIALLY DEFERRED "
            f"{ON_CHANGE}",
        ],
    },
}
COLUMNS = {
    "title": models.CharField(max_length=40, default="old"),
    "loud": models.CharField(max_length=40, default="?", blank=True),
    "code": models.CharField(max_length=40, null=True, blank=True, unique=True),
    "size": models.IntegerField(default=0),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> list[str]:
    statements = KINDS[request.param].get(connection.vendor)
    if statements is None:
        pytest.skip(f"{connection.vendor} has no trigger of this kind that changes its row")
    return statements


@pytest.fixture
def books(kind: list[str]) -> Iterator[Any]:
    """The title is loud in a column of its own, and a code that rows are looked up by."""
    with made(COLUMNS, triggers=True, lookups=["code"]) as cache:
        sql(*kind)
        try:
            yield cache
        finally:
            if connection.vendor == "postgresql":
                sql("DROP FUNCTION make_loud CASCADE")


@pytest.fixture
def book(books: Any) -> int:
    pk: int = books.create(title="old").pk
    books.warm([pk])
    return pk


NEW = {"title": "new"}


def _save(books: Any, pk: int) -> None:
    row = books.get(pk)
    row.title = "new"
    row.save()


def _save_in_a_transaction(books: Any, pk: int) -> None:
    with transaction.atomic():
        _save(books, pk)


def _flush(books: Any, pk: int) -> None:
    books.via("write-behind").update(pk, title="new")
    books.drain(timeout=5)


def _carry(books: Any, pk: int) -> None:
    books.via("write-behind").update(pk, title="new")
    books.via("write-through").update(pk, size=3)
    books.drain(timeout=5)


def _flush_many(books: Any, pk: int) -> None:
    books.via("write-behind").update_many({pk: {"title": "new"}})
    books.drain(timeout=5)


def _increment(books: Any, pk: int) -> None:
    _flush(books, pk)
    books.via("write-behind").increment(pk, size=1)
    books.drain(timeout=5)


def _insert(way: Callable[[Any], Any]) -> Callable[[Any, int], None]:
    def inserted(books: Any, pk: int) -> None:
        books.delete(pk)
        way(books)

    return inserted


WAYS: dict[str, Callable[[Any, int], Any]] = {
    **{f"update {each}": lambda books, pk, p=each: books.via(p).update(pk, title="new") for each in Pattern},
    **{f"update_many {each}": lambda books, pk, p=each: books.via(p).update_many({pk: NEW}) for each in Pattern},
    **{f"create {each}": _insert(lambda books, p=each: books.via(p).create(title="new")) for each in Pattern},
    **{f"create_many {each}": _insert(lambda books, p=each: books.via(p).create_many([NEW])) for each in Pattern},
    "flush": _flush,
    "flush of many": _flush_many,
    "flush of an increment": _increment,
    "carried by another write": _carry,
    "save": _save,
    "save in a transaction": _save_in_a_transaction,
    "save of a new row": _insert(lambda books: books.model(title="new").save()),
    "QuerySet.update": lambda books, pk: books.model.objects.filter(pk=pk).update(title="new"),
    "bulk_update": lambda books, pk: books.model.objects.bulk_update([books.model(pk=pk, title="new")], ["title"]),
    "bulk_create": _insert(lambda books: books.model.objects.bulk_create([books.model(title="new")])),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_a_trigger_makes_of_a_row_is_read_after_each_write(books: Any, book: int, way: str) -> None:
    WAYS[way](books, book)
    books.drain(timeout=5)
    [row] = books.model.objects.all()
    for _ in ("from what the write has left", "from what that read has left"):
        read = books.get(row.pk)
        assert (read.title, read.loud, read.code, read.size) == (row.title, row.loud, row.code, row.size)
        assert (read.title, read.loud) == ("new", "NEW")
    assert audit.audit(books).drifts == []


def test_a_write_behind_is_shown_as_it_was_acknowledged_until_it_is_flushed(books: Any, book: int) -> None:
    books.via("write-behind").update(book, title="new")
    assert (books.get(book).title, books.get(book).loud) == ("new", "OLD")
    books.drain(timeout=5)
    assert books.get(book).loud == "NEW"


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_a_write_returns_what_a_trigger_has_made_of_the_row(
    books: Any, book: int, kind: list[str], pattern: str
) -> None:
    returned = books.via(pattern).update(book, title="new")
    assert returned.loud == ("OLD" if "DEFERRED" in kind[-1] else "NEW")
    assert books.get(book).loud == "NEW"


@pytest.mark.parametrize("way", [way for way in WAYS if "of a new row" not in way and "create" not in way])
def test_a_trigger_may_take_a_value_that_rows_are_looked_up_by(
    books: Any, book: int, redis_cache: Any, way: str
) -> None:
    """Another row has given it up, and its writer has died before it emptied the slot."""
    other = books.create(title="new").pk
    assert books.get_by(code="new").pk == other
    models.QuerySet(books.model).filter(pk=other).update(title="given up", code="given up", loud="GIVEN UP")
    assert books.get_by(code="new").pk == other
    WAYS[way](books, book)
    books.drain(timeout=5)
    assert books.get_by(code="new").pk == book


def test_the_catalogue_names_what_changes_rows_and_nothing_else(books: Any) -> None:
    of_deletions = f"CREATE TRIGGER gone AFTER DELETE ON {TABLE} "
    if connection.vendor == "postgresql":
        sql(of_deletions + "FOR EACH ROW EXECUTE FUNCTION make_loud()")
        named = {"loud", "also"}
        sql(f"CREATE RULE also AS ON UPDATE TO {TABLE} DO ALSO NOTHING")
    elif connection.vendor == "sqlite":
        sql(of_deletions + "BEGIN SELECT 1; END")
        named = {"loud_insert", "loud_update"}
    else:
        sql(
            of_deletions + "FOR EACH ROW SET @gone = 1",
            f"ALTER TABLE {TABLE} ADD at TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        )
        named = {"loud_INSERT", "loud_UPDATE", "at"}
    assert set(triggers.names(books.table)) == named


@pytest.mark.parametrize(("said", "warned"), [(None, True), (True, False), (False, False)])
def test_a_check_asks_for_nothing_that_the_registration_says(kind: list[str], said: Any, warned: bool) -> None:
    with made(COLUMNS, triggers=said):
        sql(*kind)
        found = [
            message for message in checks.check_tables(databases=["default"]) if message.obj._meta.db_table == TABLE
        ]
        assert bool(found) is warned
        assert all("loud" in message.msg for message in found)
        if connection.vendor == "postgresql":
            sql("DROP FUNCTION make_loud CASCADE")
