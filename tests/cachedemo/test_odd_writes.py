"""Writes as projects make them, that a cache easily misses: each was seen to break a promise."""

import copy
import json
import pickle
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.color import no_style
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Exists, Max, Subquery
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import cachedemo
from cachedemo import cache_for
from cachedemo.exceptions import StaleInstance
from cachedemo.models import Stamped
from cachedemo.patterns import bulk_insert
from cachedemo.protocol import bulk_write, on_commit
from tests.cachedemo.made_models import made as made_model
from tests.cachedemo.test_cascades import new_models
from tests.helpers import past_cachedemo
from tests.notes.models import Draft, Essay, Note, Sample

pytestmark = pytest.mark.usefixtures("people")

# Django 6.1 has given it a new name.
create_savepoint = getattr(transaction, "savepoint_create", None) or transaction.savepoint


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", body="b0", size=1, owner_id=1) for pk in (1, 2, 3)])
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Note]):
            cursor.execute(statement)
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
        savepoint = create_savepoint()
        write(note)
        transaction.savepoint_rollback(savepoint)
    notes.drain(timeout=5)
    assert notes.get(1).body == Note.objects.get(pk=1).body == "acknowledged"
    assert notes.get(1).title == "a1"


def test_after_a_savepoint_was_rolled_back_by_hand_a_save_is_sent_again(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        savepoint = create_savepoint()
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
    monkeypatch.setattr(bulk_write, "PIECE", 1)
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


def test_many_rows_are_found_by_two_columns(odd: OddKinds) -> None:
    count = bulk_insert.MOST_ALIKE * 2 + 1
    rows = [odd.coded(code=f"c{number}", left=f"l{number}", right="r") for number in range(count)]
    odd.coded.objects.bulk_create(rows)
    new = [odd.coded(code=f"d{number}", left=f"l{number}", right="r", title="new") for number in range(count)]
    odd.coded.objects.bulk_create(new, update_conflicts=True, update_fields=["title"], unique_fields=["left", "right"])
    assert odd.coded.objects.filter(title="new").count() == count == odd.coded.objects.count()


def test_an_upsert_by_a_foreign_key_loads_no_related_rows_and_ends_as_django_does(
    odd: OddKinds,
) -> None:
    class Owned(Stamped):
        coded = models.OneToOneField(odd.coded, models.CASCADE)
        title = models.CharField(max_length=10, default="")

        class Meta:
            app_label = "notes"

    with new_models() as made:
        made.append(Owned)
        with connection.schema_editor() as editor:
            editor.create_model(Owned)
        cachedemo.register(Owned)(type("OwnedCache", (cachedemo.ModelCache,), {"fields": "__all__"}))
        odd.coded.objects.bulk_create(odd.coded(code=code, left=code) for code in "ab")
        cache, upsert = cache_for(Owned), {"update_conflicts": True, "update_fields": ["title"]}
        for title in ("old", "new"):
            rows = [Owned(coded_id=code, title=title) for code in "ab"]
            with CaptureQueriesContext(connection) as sent:
                Owned.objects.bulk_create(rows, unique_fields=["coded"], **upsert)
            assert not [each for each in sent if each["sql"].startswith("SELECT") and "notes_coded" in each["sql"]]
            assert {row.title for row in cache.get_many(Owned.objects.values_list("pk", flat=True)).values()} == {title}
        with pytest.raises(IntegrityError):
            Owned.objects.bulk_create([Owned(coded_id="none")], unique_fields=["coded"], **upsert)


class Kept(Stamped):
    """Hides what is deleted, by a method that takes no database."""

    title = models.CharField(max_length=10)

    class Meta:
        abstract = True

    def delete(self) -> None:  # type: ignore[override]
        self.title = "deleted"
        self.save()


def test_a_delete_of_the_models_own_is_called_as_an_admin_calls_it(transactional_db: None) -> None:
    with made_model({}, Kept) as cache:
        pk = cache.create(title="here").pk
        cache.via("write-behind").update(pk, title="waits")
        cache.delete(pk)
        assert cache.drain(timeout=5) == 0
        assert cache.get(pk).title == cache.model.objects.get().title == "deleted"
        assert cache.via("write-behind").update(pk, title="again").title == cache.get(pk).title == "again"
        cache.drain(timeout=5)
        assert cache.model.objects.get().title == "again"


# copies of an instance, and receivers that save it again


def pickled(instance: Any) -> Any:
    return pickle.loads(pickle.dumps(instance))


COPIES = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])


class Hook:
    """What a project may register on commit: it cannot be copied."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self) -> None:
        self.lock.acquire()


@COPIES
def test_a_copy_that_was_made_before_the_commit_puts_nothing_back(notes: Any, copied: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        transaction.on_commit(Hook())
        note.title = "saved"
        note.save()
        other = copied(note)
    notes.update(1, title="acknowledged later")
    other.body = "b1"
    other.save()
    assert (notes.get(1).title, notes.get(1).body) == ("acknowledged later", "b1")


@COPIES
def test_a_copy_of_a_save_that_is_rolled_back_writes_it_when_it_is_saved(notes: Any, copied: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        note.title = "tried"
        note.save()
        other = copied(note)
        transaction.set_rollback(True)
    other.save()
    assert notes.get(1).title == "tried"


def test_a_pickle_that_another_process_reads_counts_as_its_own_change_what_had_not_committed(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    with transaction.atomic():
        note.title = "tried"
        note.save()
        text = pickle.dumps(note)
        on_commit._pickled.clear()  # as another process has it
        pickle.loads(text).save()
    assert notes.get(1).title == "tried"


def test_a_named_save_leaves_what_the_instance_has_changed_and_did_not_name(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, body="waits")
    note.title, note.body = "named", "mine"
    note.save(update_fields=["title"])
    assert (note.body, notes.get(1).body) == ("mine", "waits")
    note.save()
    assert notes.get(1).body == "mine"


def test_a_receiver_that_saves_fields_of_the_same_instance_makes_no_named_save_of_a_whole_one(notes: Any) -> None:
    note = notes.get(1)  # some fields of it are deferred
    assert note.get_deferred_fields()
    notes.update(1, body="acknowledged")

    def save_the_size(instance: Any, update_fields: Any, **_: Any) -> None:
        if update_fields != {"size"}:
            instance.save(update_fields=["size"])

    note.title = "changed"
    models.signals.pre_save.connect(save_the_size, sender=Note)
    try:
        note.save()
    finally:
        models.signals.pre_save.disconnect(save_the_size, sender=Note)
    assert (notes.get(1).title, notes.get(1).body) == ("changed", "acknowledged")


def test_an_instance_with_another_key_is_inserted(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.via("write-behind").update(1, body="waits")
    note.pk, note.title = 4, "copy"
    note.save()
    assert (notes.get(4).title, notes.get(1).body) == ("copy", "waits")


def test_an_instance_that_was_saved_with_another_key_is_inserted(notes: Any) -> None:
    note = Note(pk=1, title="upsert", owner_id=1)
    note.save()
    note.pk = 4
    note.save()
    assert (notes.get(1).title, notes.get(4).title) == ("upsert", "upsert")


def test_a_row_that_was_deleted_stays_deleted_all_the_same(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.delete(1)
    note.title = "back"
    with pytest.raises(DatabaseError, match="was deleted"):
        note.save()
    note.pk = None
    note.save()
    assert notes.get(note.pk).title == "back"


def test_what_else_an_instance_with_a_file_holds_is_not_copied_by_its_save(notes: Any) -> None:
    sample = Sample(price=1, at=timezone.now(), paper="first.txt")
    sample.request = threading.Lock()  # type: ignore[attr-defined]
    sample.save()
    sample.paper = "second.txt"
    sample.save()
    assert cache_for(Sample).get(sample.pk).paper.name == "second.txt"


# what an instance shows


def test_a_reload_of_some_fields_leaves_what_was_changed_of_the_others(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.update(1, title="acknowledged")
    note.body = "mine"
    note.refresh_from_db(from_queryset=Note.objects.only("title"))
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("acknowledged", "mine")


def test_a_reload_takes_any_iterable_of_names(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    notes.update(1, title="acknowledged")
    note.refresh_from_db(fields=(name for name in ["title"]))
    notes.update(1, title="acknowledged later")
    note.body = "mine"
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("acknowledged later", "mine")


def test_a_save_that_refuses_has_seen_what_the_database_computed_for_it(
    notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    note = Note.objects.get(pk=1)
    note.size = models.F("size") + 1
    note.save()
    note.body = "b1"
    note.save()
    assert notes.get(1).body == "b1"


def test_a_save_that_refuses_writes_a_deferred_field_that_was_only_set(
    notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "stale_saves", "refuse")
    note = Note.objects.only("title").get(pk=1)
    notes.update(1, body="acknowledged, and never seen")
    note.body = "mine"
    note.save()
    assert notes.get(1).body == "mine"
    notes.update(1, title="acknowledged")
    note.body = "again"
    with pytest.raises(StaleInstance, match="title"):
        note.save()
