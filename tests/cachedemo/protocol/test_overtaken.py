"""What the database rolls back because another transaction came first begins anew; tests/races/test_overtaken.py does
it on PostgreSQL."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from cachedemo.exceptions import Contended, Overtaken
from cachedemo.patterns import save_statement
from cachedemo.protocol import answering, database, database_retries, overtaken, transactions
from tests.helpers import past_cachedemo
from tests.notes.models import Note


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overtaken, "FIRST_PAUSE", 0)
    monkeypatch.setattr(database_retries, "FIRST_BACKOFF", 0.001)


def serialization_failure() -> OperationalError:
    error = OperationalError("could not serialize access")
    error.__cause__ = psycopg.errors.SerializationFailure()
    return error


def failing(times: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what is rolled back so often, and then does it."""
    left = [None] * times

    def tried(*arguments: Any, **options: Any) -> Any:
        if left:
            left.pop()
            raise serialization_failure()
        return call(*arguments, **options)

    return tried


@pytest.fixture
def refused_commit(notes: Any) -> Iterator[None]:
    """The next transaction's COMMIT is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_commit", failing(1, connection._commit))
        yield


def test_a_write_of_one_row_begins_anew(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "apply", failing(2, database.apply))
    assert notes.via("write-through").update(1, title="mine").title == "mine"
    assert Note.objects.get(pk=1).title == "mine"


@pytest.mark.parametrize("work", ["create", "delete", "update"])
@pytest.mark.usefixtures("refused_commit")
def test_and_so_does_whatever_else_asks_the_database(notes: Any, work: str) -> None:
    if work == "create":
        assert Note.objects.filter(pk=notes.create(pk=9, title="new").pk).exists()
    elif work == "delete":
        notes.delete(1)
        assert not Note.objects.filter(pk=1).exists()
    elif work == "update":
        assert Note.objects.filter(pk=1).update(title="mine") == 1
        assert notes.get(1).title == "mine"


def test_a_save_begins_anew(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save_statement, "statement", failing(1, save_statement.statement))
    note = notes.get(1)
    note.title = "mine"
    note.save()
    assert notes.get(1).title == Note.objects.get(pk=1).title == "mine"


def test_a_commit_that_is_refused_so_has_certainly_written_nothing(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_commit", failing(1, connection._commit))
    outcomes: list[transactions.Outcome] = []

    def write() -> None:
        with transactions.writing("default") as outcome:
            outcomes.append(outcome)
            past_cachedemo(Note).filter(pk=1).update(title="mine")

    with pytest.raises(Overtaken):
        write()
    assert outcomes[0].nothing_written
    assert Note.objects.get(pk=1).title == "a0"


def test_a_row_that_is_always_overtaken_stops_no_neighbour(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for pk in (1, 2):
        notes.via("write-behind").update(pk, title="waits")
    apply_many = database.apply_many

    def tried(table: Any, rows: Any) -> None:
        if any(row[0] == "1" for row in rows):
            raise Overtaken("another transaction came first")
        apply_many(table, rows)

    monkeypatch.setattr(database, "apply_many", tried)
    notes.flush()
    assert list(past_cachedemo(Note).filter(title="waits").values_list("pk", flat=True)) == [2]
    assert notes.get(1).title == "waits"


def test_who_is_overtaken_at_every_try_is_told_that_nothing_was_written(
    notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "apply", failing(1000, database.apply))
    with pytest.raises(Contended, match="nothing was written"):
        notes.via("write-through").update(1, title="mine")
    assert notes.get(1).title == "a0"
    assert not notes.table.queue.owed()[0]


def test_a_connection_of_a_pool_that_may_lead_nowhere_is_not_handed_out_again(
    notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not connection.settings_dict["OPTIONS"].get("pool"):
        pytest.skip("with Django's pool only: pytest --pooled")
    notes.warm([1])
    before = connection.connection
    database.reconnect("default")
    assert before.closed
    assert Note.objects.count() == 2
    assert connection.connection is not before


def test_what_is_read_is_read_again(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_select_many", failing(1, database._select_many))
    monkeypatch.setattr(database, "_first", failing(1, database._first))
    assert set(notes.get_many([1, 2])) == {1, 2}
    notes.evict([1])
    assert notes.get(1).title == "a0"


@pytest.mark.parametrize("read", [lambda notes: notes.get(1), lambda notes: notes.get_many([1, 2])])
def test_what_is_read_in_a_transaction_says_what_django_says_to_who_is_to_begin_it_anew(
    notes: Any, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        with answering.answering():
            raise serialization_failure()

    monkeypatch.setattr(database, "_select_many", fail)
    monkeypatch.setattr(database, "_select", fail)
    with transaction.atomic(), pytest.raises(OperationalError) as raised:
        read(notes)
    assert isinstance(raised.value.__cause__, psycopg.errors.SerializationFailure)
