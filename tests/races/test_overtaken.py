"""Writes that PostgreSQL rolls back at REPEATABLE READ and SERIALIZABLE because others came first: they begin anew."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from cachedemo import cache_for
from cachedemo.exceptions import Overtaken
from cachedemo.protocol import transactions
from tests.helpers import past_cachedemo, until
from tests.notes.models import Note

pytestmark = [
    pytest.mark.usefixtures("people"),
    pytest.mark.skipif("not config.getoption('--postgresql')", reason="PostgreSQL only: pytest --postgresql"),
]

LEVELS = {"REPEATABLE READ": 3, "SERIALIZABLE": 4}


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every connection of this process begins its transactions at this level, as Django's option says."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    connection.close()
    options["isolation_level"] = LEVELS[request.param]
    yield request.param
    connection.close()
    options.clear()
    options.update(before)


@pytest.fixture
def notes(level: str) -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title="a0", body="b0", owner_id=1) for pk in (1, 2, 3)])
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    return notes


@contextlib.contextmanager
def begun(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do it in a thread of its own."""

    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def overtake(work: Callable[[], Any], **fields: Any) -> Any:
    """Do what waits for row 1, which a transaction has written that then commits first; return what it returns."""
    with contextlib.ExitStack() as stack:
        with transaction.atomic():
            past_cachedemo(Note).filter(pk=1).update(**fields or {"owner_id": 2})
            future = stack.enter_context(begun(work))
            until(waits_for_a_lock)
        return future.result(20)


def row() -> tuple[Any, ...]:
    return tuple(past_cachedemo(Note).filter(pk=1).values_list("title", "owner_id").get())


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_an_update_begins_anew(notes: Any, pattern: str) -> None:
    overtake(lambda: notes.via(pattern).update(1, title="mine"))
    assert row() == ("mine", 2)
    assert notes.get(1).title == "mine"


def test_a_save_begins_anew(notes: Any) -> None:
    note = notes.get(1)
    note.title = "mine"
    overtake(note.save)
    assert row() == ("mine", 2)
    assert notes.get(1).title == "mine"


def test_an_update_of_many_rows_begins_anew(notes: Any) -> None:
    overtake(lambda: Note.objects.filter(pk__lte=2).update(title="mine"))
    assert row() == ("mine", 2)
    assert [notes.get(pk).title for pk in (1, 2, 3)] == ["mine", "mine", "a0"]


def test_a_deletion_begins_anew(notes: Any) -> None:
    overtake(lambda: notes.delete(1))
    assert not past_cachedemo(Note).filter(pk=1).exists()
    with pytest.raises(Note.DoesNotExist):
        notes.get(1)


def test_a_flush_begins_anew(notes: Any) -> None:
    for pk in (1, 2, 3):
        notes.via("write-behind").update(pk, title="waits")
    overtake(notes.flush)
    notes.drain(timeout=5)
    assert row() == ("waits", 2)
    assert past_cachedemo(Note).filter(title="waits").count() == 3


def test_inside_a_transaction_it_is_for_those_to_begin_anew_who_began_it(notes: Any) -> None:
    def work() -> None:
        with transaction.atomic():
            Note.objects.filter(pk=1).update(title="mine")

    with pytest.raises(OperationalError) as raised:
        overtake(work)
    assert getattr(raised.value.__cause__, "sqlstate", "") == "40001"
    assert row() == ("a0", 2)
    assert notes.get(1).title == "a0"


def test_a_commit_that_is_refused_so_has_certainly_written_nothing(notes: Any, level: str) -> None:
    if level != "SERIALIZABLE":
        pytest.skip("its COMMIT refuses nothing")

    def read_one_write_two() -> None:
        with transaction.atomic():
            list(past_cachedemo(Note).filter(pk=1))
            past_cachedemo(Note).filter(pk=2).update(title="theirs")

    def read_two_write_one() -> None:
        with transactions.writing("default") as outcome:
            outcomes.append(outcome)
            list(past_cachedemo(Note).filter(pk=2))
            past_cachedemo(Note).filter(pk=1).update(title="mine")
            with begun(read_one_write_two) as other:
                other.result(20)

    outcomes: list[transactions.Outcome] = []
    with pytest.raises(Overtaken):
        read_two_write_one()
    assert outcomes[0].nothing_written
    assert row() == ("a0", 1)
