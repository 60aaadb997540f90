"""Bulk methods: afterwards no read is old, and nothing that waited is lost or comes after."""

from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core.exceptions import FieldDoesNotExist
from django.core.management.color import no_style
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.test.utils import CaptureQueriesContext

from cachedemo import cache_for
from cachedemo.exceptions import QueueUnavailable, UnknownFieldWaiting
from cachedemo.managers import CachedManager
from cachedemo.patterns import bulk_update
from cachedemo.protocol import bulk_write, queue
from tests.helpers import past_cachedemo
from tests.notes.models import Note, Sample
from tests.notes.refusal import sql
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", body="b0", size=pk, owner_id=1) for pk in (1, 2, 3)])
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Note]):
            cursor.execute(statement)
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    return notes


def shown(notes: Any, *names: str) -> dict[int, Any]:
    """What reads show, which must be what the rows have once nothing waits."""
    seen = {pk: tuple(getattr(note, name) for name in names) for pk, note in notes.get_many([1, 2, 3]).items()}
    notes.drain(timeout=5)
    rows = Note.objects.filter(pk__in=[1, 2, 3]).values_list("pk", *names)
    assert seen == {pk: tuple(values) for pk, *values in rows}
    assert seen == {pk: tuple(getattr(note, name) for name in names) for pk, note in notes.get_many([1, 2, 3]).items()}
    return seen


# update()


def test_after_an_update_of_many_rows_no_read_is_old(notes: Any, redis_queue: Any) -> None:
    assert Note.objects.filter(size__gte=2).update(title="bulk") == 2
    assert shown(notes, "title") == {1: ("a1",), 2: ("bulk",), 3: ("bulk",)}
    assert redis_queue.zcard("{flush:notes}:owed") == 0
    assert notes.read(2).stamp == Note.objects.get(pk=2).cache_stamp > 0


def test_what_waits_for_other_fields_is_kept(notes: Any) -> None:
    notes.via("write-behind").update(2, body="waiting", size=9)
    Note.objects.update(title="bulk")
    assert shown(notes, "title", "body", "size")[2] == ("bulk", "waiting", 9)


def test_what_waited_for_a_field_that_is_updated_does_not_come_after(notes: Any) -> None:
    notes.via("write-behind").update(2, title="waiting")
    Note.objects.update(title="bulk")
    assert notes.table.queue.depth() == 0
    assert shown(notes, "title") == dict.fromkeys((1, 2, 3), ("bulk",))


def test_a_value_that_waits_is_what_an_expression_computes_from(notes: Any) -> None:
    notes.via("write-behind").update(2, size=100)
    assert Note.objects.update(size=F("size") + 1) == 3
    assert shown(notes, "size") == {1: (2,), 2: (101,), 3: (4,)}


def test_a_refused_value_that_waits_is_replaced_by_an_update_of_its_field(notes: Any) -> None:
    notes.table.queue.enqueue(2, 0, 1000, {"size": -1})
    Note.objects.update(size=5)
    assert shown(notes, "size") == dict.fromkeys((1, 2, 3), (5,))


def test_what_the_database_refuses_of_another_field_is_flagged_and_stops_no_update(notes: Any) -> None:
    for pk in (1, 2):
        notes.table.queue.enqueue(pk, 0, 1000, {"size": -pk, "body": f"b{pk}"})
        notes.evict([pk])
    for title in ("once", "twice"):
        assert Note.objects.update(title=title) == 3
        seen = notes.get_many([1, 2, 3])
        assert [(seen[pk].title, seen[pk].body, seen[pk].size) for pk in (1, 2)] == [
            (title, f"b{pk}", -pk) for pk in (1, 2)
        ]
    assert set(notes.table.queue.dead()) == {"1", "2"}
    assert list(Note.objects.order_by("pk").values_list("title", "size")) == [("twice", pk) for pk in (1, 2, 3)]
    with pytest.raises(IntegrityError):
        Note.objects.update(size=F("size") - 1)
    assert notes.get(1).size == -1
    Note.objects.update(size=5)
    assert shown(notes, "size") == dict.fromkeys((1, 2, 3), (5,))
    assert notes.table.queue.dead() == {}


def test_a_filter_sees_the_database_and_its_rows_are_changed_whatever_waits_for_them(notes: Any) -> None:
    notes.via("write-behind").update(2, size=100)
    assert Note.objects.filter(size=2).update(title="bulk") == 1
    assert shown(notes, "title", "size")[2] == ("bulk", 100)


def test_what_a_queryset_of_django_can_do_it_still_can(notes: Any) -> None:
    owned = User.objects.filter(pk=OuterRef("owner_id"), name="Alice Singh")
    rows = Note.objects.annotate(owned=Exists(owned), double=F("size") * 2)
    assert rows.filter(owned=True, owner__email__contains="alice").distinct().update(size=F("double")) == 3
    Note.objects.order_by("-size").exclude(pk=1).update(
        title=Case(When(size=4, then=Value("four")), default=F("title"))
    )
    assert shown(notes, "size", "title") == {1: (2, "a1"), 2: (4, "four"), 3: (6, "a3")}
    assert User.objects.get(pk=1).note_set.update(body="related") == 3
    assert Note.objects.none().update(title="nobody") == Note.objects.filter(pk=99).update(title="nobody") == 0


def test_what_django_refuses_is_refused_before_any_step(notes: Any, redis_queue: Any) -> None:
    clock = redis_queue.get("{flush:notes}:clock")
    with pytest.raises(TypeError, match="slice"):
        Note.objects.all()[:1].update(title="x")
    with pytest.raises(FieldDoesNotExist):
        Note.objects.update(title="x", none_of_them=1)
    assert redis_queue.get("{flush:notes}:clock") == clock


def test_an_update_that_the_database_refuses_owes_nothing(notes: Any, redis_queue: Any) -> None:
    notes.via("write-behind").update(2, body="waiting")
    with pytest.raises(IntegrityError):
        Note.objects.update(size=-1)
    assert redis_queue.zcard("{flush:notes}:owed") == 0
    assert shown(notes, "size", "body")[2] == (2, "waiting")


def test_until_its_commit_only_its_own_transaction_reads_an_update(notes: Any) -> None:
    with transaction.atomic():
        Note.objects.filter(pk=2).update(title="bulk")
        assert notes.get(2).title == "bulk"
        assert notes.table.slots.get(2) is not None, "others still read the old value"
    assert shown(notes, "title")[2] == ("bulk",)


def test_an_update_that_is_rolled_back_leaves_everything_as_it_was(notes: Any) -> None:
    notes.via("write-behind").update(2, body="waiting")
    with transaction.atomic():
        Note.objects.update(title="bulk", body="bulk")
        transaction.set_rollback(True)
    assert shown(notes, "title", "body")[2] == ("a2", "waiting")


def test_without_the_queue_nothing_is_updated(notes: Any, broken_queue: Any) -> None:
    with broken_queue(), pytest.raises(QueueUnavailable):
        Note.objects.update(title="bulk")
    assert set(Note.objects.values_list("title", flat=True)) == {"a1", "a2", "a3"}


def test_a_field_that_only_a_newer_release_knows_is_not_superseded(notes: Any, redis_queue: Any) -> None:
    redis_queue.hset("{flush:notes}:versions", "2", '{"state": "live", "since": 0, "fields": ["colour"]}')
    notes.table.queue.enqueue(2, 0, 1000, {"colour": "red"})
    with pytest.raises(UnknownFieldWaiting, match="colour"):
        Note.objects.update(title="bulk")
    assert redis_queue.hget("{flush:notes}:row:2", "colour")


def test_rows_come_in_pieces(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_write, "PIECE", 2)
    notes.via("write-behind").update(3, body="waiting")
    assert Note.objects.update(title="bulk") == 3
    assert shown(notes, "title", "body") == {1: ("bulk", "b0"), 2: ("bulk", "b0"), 3: ("bulk", "waiting")}


def test_new_rows_come_in_pieces_too(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stamped: list[int] = []
    stamp_many = queue.FlushQueue.stamp_many

    def stamp_some(self: Any, pks: Any, *others: Any) -> Any:
        stamped.append(len(pks))
        return stamp_many(self, pks, *others)

    monkeypatch.setattr(bulk_write, "PIECE", 2)
    monkeypatch.setattr(queue.FlushQueue, "stamp_many", stamp_some)
    assert not notes.get_many(range(10, 15)), "there is a slot to be emptied"
    made = Note.objects.bulk_create([Note(pk=pk, title="new", body="b") for pk in range(10, 15)])
    assert max(stamped) == 2
    assert {pk: note.title for pk, note in notes.get_many(range(10, 15)).items()} == dict.fromkeys(range(10, 15), "new")
    made[0].title = "newer"
    made[0].save()
    assert notes.get(10).title == "newer"


def test_a_row_whose_key_is_changed_is_read_under_the_new_one_only(notes: Any) -> None:
    notes.via("write-behind").update(2, body="waiting")
    with pytest.raises(Note.DoesNotExist):
        notes.get(20)
    Note.objects.filter(pk=2).update(id=20)
    with pytest.raises(Note.DoesNotExist):
        notes.get(2)
    assert notes.get(20).body == "waiting"
    Note.objects.filter(pk=20).update(id=F("id") + 1)
    assert list(notes.get_many([20, 21])) == [21]
    assert notes.table.queue.depth() == 0


def test_many_rows_take_as_many_statements_as_few(notes: Any) -> None:
    statements = []
    for count in (1, 1000):
        Note.objects.bulk_create([Note(title="many", owner_id=1) for _ in range(count)])
        for note in Note.objects.filter(title="many")[:1]:
            notes.via("write-behind").update(note.pk, body="waiting")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert Note.objects.filter(title="many").update(title=f"done{count}") == count
        statements.append([query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]])
    assert len(statements[0]) == len(statements[1]) <= 7, "BEGIN and COMMIT included"


def test_fields_that_no_cache_has_are_updated_as_django_does(notes: Any, redis_queue: Any) -> None:
    clock = redis_queue.get("{flush:notes}:clock")
    assert Note.objects.update(secret="s") == 3
    assert redis_queue.get("{flush:notes}:clock") == clock
    assert Note.objects.filter(secret="s").count() == 3


# bulk_update(), bulk_create(), update_or_create()


def test_after_a_bulk_update_no_read_is_old_and_what_waits_is_kept(notes: Any) -> None:
    rows = list(Note.objects.order_by("pk"))
    notes.via("write-behind").update(2, body="waiting")
    for row in rows:
        row.title = f"bulk{row.pk}"
    assert Note.objects.bulk_update(rows, ["title"]) == 3
    assert shown(notes, "title", "body") == {1: ("bulk1", "b0"), 2: ("bulk2", "waiting"), 3: ("bulk3", "b0")}


def test_what_a_bulk_update_wrote_is_not_put_back_by_a_later_save(notes: Any) -> None:
    row = Note.objects.get(pk=2)
    row.title = "bulk"
    Note.objects.bulk_update([row], ["title"])
    notes.update(2, title="newer")
    row.body = "saved"
    row.save()
    assert shown(notes, "title", "body")[2] == ("newer", "saved")


def test_rows_that_were_known_to_be_missing_are_read_after_a_bulk_create(notes: Any, redis_queue: Any) -> None:
    for pk in (400, 4):
        with pytest.raises(Note.DoesNotExist):
            notes.get(pk)
    created = Note.objects.bulk_create([Note(pk=400, title="new"), Note(title="new too")])
    assert notes.get(400).title == "new"
    assert notes.get(created[1].pk).title == "new too"
    assert {row.cache_stamp for row in created} == set(
        Note.objects.filter(pk__gt=3).values_list("cache_stamp", flat=True)
    )
    assert created[0].cache_stamp > 0
    assert redis_queue.zcard("{flush:notes}:owed") == 0


def test_what_waited_for_a_deleted_row_does_not_reach_its_successor(notes: Any) -> None:
    notes.via("write-behind").update(2, title="waiting")
    claims, _ = notes.table.queue.claim(10, 30, 3)
    notes.delete(2)
    Note.objects.bulk_create([Note(pk=2, title="successor")])
    from cachedemo.protocol import database

    database.apply_many(notes.table, [(claim.pk, claim.fields, claim.stamp) for claim in claims])
    assert shown(notes, "title")[2] == ("successor",)


def test_what_a_bulk_create_wrote_counts_as_loaded(notes: Any) -> None:
    [row] = Note.objects.bulk_create([Note(pk=4, title="new", body="b0")])
    notes.update(4, title="newer")
    row.body = "saved"
    row.save()
    assert (notes.get(4).title, notes.get(4).body) == ("newer", "saved")


def test_a_bulk_create_that_updates_conflicts_keeps_what_waits_for_other_fields(notes: Any) -> None:
    notes.via("write-behind").update(2, title="waiting", body="waiting")
    rows = [Note(pk=2, title="upserted"), Note(pk=4, title="inserted")]
    Note.objects.bulk_create(rows, update_conflicts=True, update_fields=["title"], unique_fields=["id"])
    assert shown(notes, "title", "body")[2] == ("upserted", "waiting")
    assert notes.get(4).title == "inserted"


def test_a_bulk_create_that_ignores_conflicts_leaves_what_is_there(notes: Any) -> None:
    notes.via("write-behind").update(2, title="waiting")
    with pytest.raises(Note.DoesNotExist):
        notes.get(4)
    Note.objects.bulk_create([Note(pk=2, title="ignored"), Note(pk=4, title="new")], ignore_conflicts=True)
    assert notes.get(4).title == "new"
    assert shown(notes, "title")[2] == ("waiting",)


def test_a_bulk_create_that_fails_leaves_the_instances_as_they_were(notes: Any, redis_queue: Any) -> None:
    rows = [Note(pk=4, title="new"), Note(pk=2, title="conflict")]
    with pytest.raises(IntegrityError):
        Note.objects.bulk_create(rows)
    assert [row.cache_stamp for row in rows] == [0, 0]


def test_other_primary_keys_take_the_steps_too(transactional_db: None) -> None:
    samples = cache_for(Sample)
    [row] = Sample.objects.bulk_create([Sample(price=1, at="2026-01-01T00:00Z")])
    samples.get(row.pk)
    Sample.objects.update(price=F("price") + 1)
    assert samples.get(row.pk).price == 2
    Sample.objects.filter(pk=row.pk).update(flags={"a": [1]})
    assert samples.get(row.pk).flags == {"a": [1]}


def test_update_or_create_keeps_what_waits_and_shows_what_it_wrote(notes: Any) -> None:
    notes.via("write-behind").update(2, body="waiting")
    row, created = Note.objects.update_or_create(pk=2, defaults={"title": "upserted"})
    assert (row.body, created) == ("waiting", False)
    assert shown(notes, "title", "body")[2] == ("upserted", "waiting")
    assert Note.objects.update_or_create(pk=4, defaults={"title": "new"})[1]
    assert notes.get(4).title == "new"


def test_a_delete_of_many_rows_is_seen_by_the_next_read(notes: Any) -> None:
    notes.via("write-behind").update(2, title="waiting")
    Note.objects.filter(pk__in=[1, 2]).delete()
    assert set(notes.get_many([1, 2, 3])) == {3}
    assert notes.table.queue.depth() == 0


# rows changed past cachedemo


@pytest.mark.parametrize("by", ["evict", "the manager"])
def test_a_row_changed_past_a_cached_instance_is_not_put_back_by_saving_it(notes: Any, by: str) -> None:
    note = notes.get(2)
    if by == "evict":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notes_note SET title = 'raw' WHERE id = 2")
        notes.evict([2])
    else:
        Note.objects.filter(pk=2).update(title="raw")
    note.body = "saved"
    note.save()
    assert shown(notes, "title", "body")[2] == ("raw", "saved")


def test_a_manager_of_ones_own_takes_the_steps_if_it_inherits_them(notes: Any) -> None:
    class Small(CachedManager):
        def get_queryset(self) -> Any:
            return super().get_queryset().filter(size__lt=3)

    small = Small()
    small.model = Note
    assert small.update(title="small") == 2
    assert shown(notes, "title") == {1: ("small",), 2: ("small",), 3: ("a3",)}


# many rows, and rows found in odd ways


def test_more_rows_than_one_statement_can_name_are_updated(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_write, "PIECE", 2)
    monkeypatch.setattr(bulk_update, "MOST_KEYS", 2)
    notes.via("write-behind").update(3, body="waiting")
    with CaptureQueriesContext(connection) as queries:
        assert Note.objects.update(title="bulk") == 3
    assert sum("SET \"title\" = 'bulk'" in query["sql"] for query in queries) == 1, "one statement, as Django's"
    assert shown(notes, "title", "body") == {1: ("bulk", "b0"), 2: ("bulk", "b0"), 3: ("bulk", "waiting")}
    assert len(set(Note.objects.values_list("cache_stamp", flat=True))) == 2


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="Django refuses it itself")
def test_distinct_on_some_fields_does_not_count_in_an_update(notes: Any) -> None:
    assert Note.objects.distinct("body").update(title="bulk") == 3


@pytest.fixture
def no_two_bodies(notes: Any) -> Iterator[Any]:
    """A constraint that Django does not know: a queued write may break it."""
    sql("CREATE UNIQUE INDEX no_two_bodies ON notes_note (body) WHERE body <> 'b0'")
    yield notes
    sql("DROP INDEX no_two_bodies")


def test_two_rows_that_are_refused_only_together_stop_no_update(no_two_bodies: Any) -> None:
    notes = no_two_bodies
    for pk in (1, 2):
        notes.via("write-behind").update(pk, body="both")
    assert Note.objects.update(title="written") == Note.objects.count()
    assert {notes.get(pk).title for pk in (1, 2)} == {"written"}
    assert {notes.get(pk).body for pk in (1, 2)} == {"both"}
    assert list(notes.table.queue.dead()) == ["2"]
