"""Writes inside transactions: what one has written over, rolled back in part, or is asked to write a second time."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, InternalError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from cachedemo import cache_for
from cachedemo.operations import dead_letters
from tests.cachedemo.test_odd_writes import create_savepoint
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", body="b0", size=1, owner_id=1) for pk in (1, 2, 3)])
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    return notes


@pytest.fixture
def flagged(notes: Any) -> Iterator[Any]:
    """A title waits for the first note that the database has refused."""
    refuse_a_title()
    notes.via("write-behind").update(1, title="refused")
    notes.drain(timeout=5)
    yield notes
    allow_every_title()


def save(**values: Any) -> None:
    note = Note.objects.get(pk=1)
    for name, value in values.items():
        setattr(note, name, value)
    note.save(update_fields=list(values))


def update(**values: Any) -> None:
    Note.objects.filter(pk=1).update(**values)


def in_another_thread(write: Callable[[], object]) -> None:
    def run() -> None:
        write()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


WRITES = pytest.mark.parametrize("write", [save, update])


# what a transaction has written over


@WRITES
def test_what_a_transaction_has_written_over_is_neither_shown_nor_applied(flagged: Any, write: Any) -> None:
    with transaction.atomic():
        write(title="ours")
        assert flagged.get(1).title == flagged.get_many([1, 2])[1].title == "ours"
        allow_every_title()
        write(body=Concat(F("title"), Value("!")))
        assert flagged.get(1).title == "ours"
    flagged.evict([1])
    assert (flagged.get(1).title, flagged.get(1).body) == ("ours", "ours!")
    assert Note.objects.get(pk=1).title == "ours"
    assert not list(dead_letters.letters(flagged))


@WRITES
def test_an_expression_is_not_refused_for_what_the_transaction_has_written_over(flagged: Any, write: Any) -> None:
    with transaction.atomic():
        write(title="ours")
        write(body=Concat(F("title"), Value("!")))
    assert flagged.get(1).body == "ours!"


@WRITES
def test_what_waits_is_written_over_by_what_a_transaction_rolls_back_as_long_as_that_lasts(
    flagged: Any, write: Any
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            write(title="tried")
            transaction.set_rollback(True)
        assert flagged.get(1).title == "refused"
        write(body="b1")
    assert (flagged.get(1).title, flagged.get(1).body) == ("refused", "b1")


@WRITES
def test_what_is_queued_later_is_not_written_over(flagged: Any, write: Any) -> None:
    flagged.warm([1])
    with transaction.atomic():
        write(title="ours")
        in_another_thread(lambda: flagged.via("write-behind").update(1, title="newer"))
        assert flagged.get(1).title == "newer"
    assert flagged.get(1).title == "newer"


# savepoints that are rolled back by hand


@WRITES
def test_a_write_that_is_undone_by_hand_has_not_reached_the_row_with_a_later_one(flagged: Any, write: Any) -> None:
    with transaction.atomic():
        savepoint = create_savepoint()
        write(title="undone")
        transaction.savepoint_rollback(savepoint)
        write(body="b1")
    flagged.evict([1])
    assert (flagged.get(1).title, flagged.get(1).body) == ("refused", "b1")
    assert list(dead_letters.letters(flagged))


def test_a_save_that_is_undone_by_hand_is_sent_again_whatever_reaches_the_row_meanwhile(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        savepoint = create_savepoint()
        note.title = "mine"
        note.save()
        transaction.savepoint_rollback(savepoint)
        save(body="b1")
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("mine", "b1")


@WRITES
def test_a_savepoint_that_was_made_after_a_write_takes_nothing_of_it_back(flagged: Any, write: Any) -> None:
    with transaction.atomic():
        transaction.savepoint_commit(create_savepoint())
        write(title="ours")
        later = create_savepoint()
        write(body="undone")
        transaction.savepoint_rollback(later)
    assert (flagged.get(1).title, flagged.get(1).body) == ("ours", "b0")
    assert not list(dead_letters.letters(flagged))


# a second try after a rollback


def rolled_back(*writes: Callable[[], object]) -> None:
    with transaction.atomic():
        for write in writes:
            write()
        transaction.set_rollback(True)


@pytest.mark.parametrize("fields", [None, ["title", "size"]])
def test_what_was_read_again_in_a_transaction_is_saved_again_after_its_rollback(notes: Any, fields: Any) -> None:
    note = Note.objects.get(pk=1)
    note.title, note.size = "mine", F("size") + 10
    rolled_back(note.save, lambda: note.refresh_from_db(fields=fields))
    note.save()
    assert (notes.get(1).title, notes.get(1).size) == ("mine", 11)


def test_what_two_saves_wrote_is_saved_again_after_the_rollback_of_both(notes: Any) -> None:
    note = Note.objects.get(pk=1)

    def save_title_and_body() -> None:
        note.title = "mine"
        note.save()
        note.body = "mine"
        note.save()

    rolled_back(save_title_and_body, note.refresh_from_db)
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("mine", "mine")


def test_what_others_wrote_and_was_read_in_a_transaction_is_not_put_back_after_its_rollback(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.update(1, body="acknowledged")
    note.title = "mine"
    rolled_back(note.save, note.refresh_from_db)
    notes.update(1, body="acknowledged later")
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("mine", "acknowledged later")


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("read_again", [False, True])
def test_a_create_that_was_rolled_back_is_tried_again(notes: Any, bulk: bool, read_again: bool) -> None:
    note = Note(pk=9, title="new", owner_id=1)
    create = (lambda: Note.objects.bulk_create([note])) if bulk else note.save
    rolled_back(create, note.refresh_from_db if read_again else lambda: None)
    with transaction.atomic():
        rolled_back(note.save)
        note.save()
    assert notes.get(9).title == Note.objects.get(pk=9).title == "new"
    notes.delete(9)
    with pytest.raises(DatabaseError, match="was deleted"):
        note.save()


# a transaction that takes no statement any more

READS = pytest.mark.parametrize(
    "read",
    [
        lambda users: users.get(1),
        lambda users: users.get_many([1, 2]),
        lambda users: users.get_by(email="a@example.com"),
    ],
    ids=["one", "many", "by value"],
)


@READS
def test_a_read_in_a_transaction_that_has_failed_says_what_django_says(users: Any, read: Any) -> None:
    with transaction.atomic():
        with contextlib.suppress(IntegrityError):
            User.objects.create(name="a", email="bob@example.com")
        for reads in (User.objects.first, lambda: read(users)):
            with pytest.raises(transaction.TransactionManagementError, match="until the end of the 'atomic' block"):
                reads()
        transaction.set_rollback(True)
    assert users.get(1).name == "Alice Singh"


@READS
def test_and_so_does_one_after_a_statement_that_django_knows_nothing_of(users: Any, read: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("elsewhere one statement that fails stops no other: pytest --postgresql")
    with transaction.atomic():
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing")
        for reads in (User.objects.first, lambda: read(users)):
            with pytest.raises(InternalError) as raised:
                reads()
            assert getattr(raised.value.__cause__, "sqlstate", "") == "25P02"
        transaction.set_rollback(True)
    assert users.get(1).name == "Alice Singh"


# autocommit off


@pytest.fixture
def without_autocommit(notes: Any) -> Iterator[Any]:
    notes.evict([1])
    transaction.set_autocommit(False)
    yield notes
    transaction.rollback()
    transaction.set_autocommit(True)


REFUSED = pytest.raises(transaction.TransactionManagementError, match="autocommit")


@pytest.mark.parametrize(
    "write",
    [
        lambda notes, pattern: notes.via(pattern).update(1, title="lost"),
        lambda notes, pattern: notes.via(pattern).create(id=9, title="lost"),
        lambda notes, pattern: notes.via(pattern).delete(1),
    ],
)
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through"])
def test_where_autocommit_is_off_no_write_is_acknowledged_that_a_rollback_takes_back(
    without_autocommit: Any, write: Any, pattern: str
) -> None:
    Note.objects.count()
    with REFUSED:
        write(without_autocommit, pattern)
    transaction.rollback()
    assert (without_autocommit.get(1).title, Note.objects.count()) == ("a1", 3)


def test_where_autocommit_is_off_a_flush_acknowledges_nothing(without_autocommit: Any) -> None:
    without_autocommit.via("write-behind").update(1, title="queued")
    with REFUSED:
        without_autocommit.flush()
    transaction.rollback()
    assert without_autocommit.get(1).title == "queued"
    transaction.rollback()
    transaction.set_autocommit(True)
    without_autocommit.drain(timeout=5)
    assert Note.objects.get(pk=1).title == "queued"


def test_where_autocommit_is_off_a_read_fills_nothing(without_autocommit: Any) -> None:
    past_cachedemo(Note).filter(pk=1).update(title="uncommitted")
    assert without_autocommit.get(1).title == without_autocommit.get_many([1])[1].title == "uncommitted"
    transaction.rollback()
    assert without_autocommit.get(1).title == "a1"
