"""Writes as projects make them, that a cache easily misses: each was seen to break a promise."""

import copy
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import Exists, Max, Subquery

import cachedemo
from cachedemo import cache_for
from cachedemo.models import Stamped
from cachedemo.patterns import bulk_update
from tests.cachedemo.test_cascades import new_models
from tests.helpers import past_cachedemo
from tests.notes.models import Draft, Essay, Note, Sample

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", body="b0", size=1, owner_id=1) for pk in (1, 2, 3)])
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    return notes


def test_proxies_and_children_that_were_loaded_with_the_project_take_the_steps(notes: Any) -> None:
    Draft.objects.filter(pk=1).update(title="by a proxy")
    assert notes.get(1).title == "by a proxy"
    essay = Essay.objects.create(pk=50, title="a", owner_id=1)
    notes.warm([essay.pk])
    Essay.objects.filter(pk=essay.pk).update(title="by a child")
    assert notes.get(essay.pk).title == "by a child"


def test_a_child_that_is_deleted_without_its_parent_leaves_that_as_it_is(notes: Any) -> None:
    essay = Essay.objects.create(pk=50, title="a", owner_id=1)
    pk = essay.pk
    notes.via("write-behind").update(pk, title="waiting")
    essay.delete(keep_parents=True)
    notes.drain(timeout=5)
    assert notes.get(pk).title == Note.objects.get(pk=pk).title == "waiting"


def save(note: Note) -> None:
    note.title = "x"
    note.save()


def update(note: Note) -> None:
    Note.objects.filter(pk=note.pk).update(title="x")


def delete(note: Note) -> None:
    Note.objects.get(pk=note.pk).delete()


@pytest.mark.parametrize("write", [save, update, delete])
def test_a_savepoint_that_is_rolled_back_by_hand_takes_a_write_back(notes: Any, write: Any) -> None:
    """Django tells no hook of it: `on_commit()` runs all the same."""
    notes.via("write-behind").update(1, body="acknowledged")
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        savepoint = transaction.savepoint()
        write(note)
        transaction.savepoint_rollback(savepoint)
    notes.drain(timeout=5)
    assert notes.get(1).body == Note.objects.get(pk=1).body == "acknowledged"
    assert notes.get(1).title == "a1"


def test_after_a_savepoint_was_rolled_back_by_hand_a_save_is_sent_again(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        savepoint = transaction.savepoint()
        save(note)
        transaction.savepoint_rollback(savepoint)
        note.save()
    assert notes.get(1).title == Note.objects.get(pk=1).title == "x"


def test_where_autocommit_is_off_a_write_is_refused_as_a_hook_would_be(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    transaction.set_autocommit(False)
    try:
        for write in (save, update, delete):
            with pytest.raises(transaction.TransactionManagementError, match="autocommit"):
                write(note)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_a_key_that_an_instance_has_as_text_names_the_slot_of_its_row(people: Any) -> None:
    samples, key = cache_for(Sample), uuid.uuid4()
    with pytest.raises(Sample.DoesNotExist):
        samples.get(key)
    sample = Sample.objects.create(id=key.hex.upper(), price=1, at="2026-01-01T00:00Z")
    assert samples.get(key).price == 1
    sample.price = 2
    sample.save()
    assert samples.get(key).price == 2
    Sample(pk=key.hex).delete()
    with pytest.raises(Sample.DoesNotExist):
        samples.get(key)


def test_in_json_true_is_not_one(people: Any) -> None:
    sample = Sample.objects.create(price=1, at="2026-01-01T00:00Z", flags={"a": [1, 2.0]})
    sample = Sample.objects.get()
    sample.flags = {"a": [True, 2]}
    sample.save()
    assert repr(Sample.objects.get().flags) == repr({"a": [True, 2]})


def test_an_update_is_one_statement_however_many_rows_it_changes(notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_update, "PIECE", 1)
    highest = (
        Note.objects.order_by().annotate(one=models.Value(1)).values("one").annotate(top=Max("size")).values("top")
    )
    Note.objects.update(size=Subquery(highest) + 1)
    assert set(Note.objects.values_list("size", flat=True)) == {2}
    assert Note.objects.filter(Exists(Note.objects.filter(title="a1"))).update(title="done") == 3
    assert {note.title for note in notes.get_many([1, 2, 3]).values()} == {"done"}
    stamps = {pk: notes.read(pk).stamp for pk in (1, 2, 3)}
    assert stamps == dict(Note.objects.values_list("pk", "cache_stamp"))


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Note.objects.bulk_create([Note()], batch_size=-1),
        lambda: Note.objects.bulk_update([Note(pk=1)], ["id"]),
        lambda: Note.objects.bulk_update([Note()], ["title"]),
    ],
)
def test_what_django_refuses_does_not_break_the_transaction_around_it(notes: Any, refused: Any) -> None:
    with transaction.atomic():
        with pytest.raises(ValueError):  # noqa: PT011  (each has words of its own)
            refused()
        assert Note.objects.count() == 3


def test_rows_that_the_caller_locks_himself_can_be_updated(notes: Any) -> None:
    with transaction.atomic():
        rows = Note.objects.filter(owner__name__contains="Alice").distinct()
        if connection.features.has_select_for_update:
            rows = rows.select_for_update()
        assert rows.update(title="locked") == 3
    assert notes.get(1).title == "locked"


def test_a_copy_of_an_instance_is_not_counted_as_saved_by_what_was_rolled_back(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        save(note)
        other = copy.copy(note)
        transaction.set_rollback(True)
    note.save()
    notes.update(1, title="between")
    other.save()
    assert notes.get(1).title == Note.objects.get(pk=1).title == "x"


class OddKinds:
    """Models of one test: a text key, a list in a text column, two unique columns, and a row changed by an own rule."""

    def __init__(self) -> None:
        class ListField(models.TextField):
            def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
                return json.loads(value)

            def to_python(self, value: Any) -> Any:
                return json.loads(value) if isinstance(value, str) else value

            def get_prep_value(self, value: Any) -> Any:
                return json.dumps(value)

        class Coded(Stamped):
            code = models.CharField(max_length=10, primary_key=True)
            left = models.CharField(max_length=10, default="")
            right = models.CharField(max_length=10, default="")
            title = models.CharField(max_length=10, default="")

            class Meta:
                app_label = "notes"
                constraints = (models.UniqueConstraint(fields=["left", "right"], name="one_pair"),)

        class Listed(Stamped):
            tags = ListField(default=list)

            class Meta:
                app_label = "notes"

        self.coded, self.listed = Coded, Listed


@pytest.fixture
def odd(transactional_db: None) -> Iterator[OddKinds]:
    with new_models() as made:
        odd = OddKinds()
        made += [odd.coded, odd.listed]
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        for model, fields in ((odd.coded, ["title"]), (odd.listed, ["tags"])):
            cachedemo.register(model)(type("OddCache", (cachedemo.ModelCache,), {"fields": fields}))
        yield odd


def test_a_number_for_a_text_key_names_the_same_slot(odd: OddKinds) -> None:
    cache = cache_for(odd.coded)
    odd.coded.objects.bulk_create(odd.coded(code=code, left=code) for code in ("1", "2"))
    assert set(cache.get_many([1, 2])) == {"1", "2"}
    assert cache.get("1").code == cache.get(1).code == "1"


def test_a_list_in_a_text_column_is_saved_when_it_is_changed_in_place(odd: OddKinds) -> None:
    odd.listed.objects.create(tags=["a"])
    row = odd.listed.objects.get()
    row.tags.append("b")
    row.save()
    assert odd.listed.objects.get().tags == ["a", "b"]


def test_an_upsert_by_two_columns_is_seen_under_the_key_of_the_row_that_was_there(odd: OddKinds) -> None:
    cache = cache_for(odd.coded)
    odd.coded.objects.create(code="old", left="l", right="r", title="before")
    assert cache.get("old").title == "before"
    new = [odd.coded(code="other", left="l", right="r", title="after")]
    odd.coded.objects.bulk_create(new, update_conflicts=True, update_fields=["title"], unique_fields=["left", "right"])
    assert cache.get("old").title == odd.coded.objects.get().title == "after"
