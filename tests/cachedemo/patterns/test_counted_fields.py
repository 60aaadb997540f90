"""Which fields count, which way they go, and that a transaction that is rolled back takes nothing along."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import models, transaction
from django.db.models import F

from cachedemo import Pattern, cache_for
from cachedemo.operations import audit
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True)

PATTERNS = pytest.mark.parametrize("pattern", list(Pattern))
FIELDS: dict[str, Any] = {
    "nullable": models.IntegerField(null=True, blank=True),
    "unique": models.IntegerField(unique=True),
    "chosen": models.IntegerField(choices=[(1, "one"), (2, "two")], default=1),
    "exact": models.DecimalField(max_digits=12, decimal_places=8, default=0),
    "computed": models.GeneratedField(expression=F("chosen") + 1, output_field=models.IntegerField(), db_persist=True),
    "about": models.FloatField(default=0),
    "flag": models.BooleanField(default=False),
}


@pytest.fixture
def counters() -> Iterator[Any]:
    with made({name: field.clone() for name, field in FIELDS.items()}) as counters:
        counters.create(unique=1)
        yield counters


def at_rest(cache: Any) -> dict[str, Any]:
    """Return the row as the database has it once nothing waits; whatever is cached is the same."""
    cache.drain(timeout=5)
    assert audit.audit(cache).drifts == []
    return past_cachedemo(cache.model).values().get()


@PATTERNS
def test_null_is_nothing_to_add_to_and_a_number_in_its_place_is(counters: Any, pattern: str) -> None:
    pk, writer = counters.model.objects.get().pk, counters.via(pattern)
    with pytest.raises(ValidationError, match="NULL"):
        writer.increment(pk, nullable=1)
    writer.update(pk, nullable=3)
    assert writer.increment(pk, nullable=-5).nullable == -2
    assert at_rest(counters)["nullable"] == -2


@PATTERNS
def test_every_sum_is_exact_and_is_what_the_field_takes(counters: Any, pattern: str) -> None:
    pk, writer = counters.model.objects.get().pk, counters.via(pattern)
    for delta in ("0.00000001", "-0.00000003", "1E+2", "-0", "0.00000002"):
        writer.increment(pk, exact=Decimal(delta))
    assert writer.increment(pk, unique=-4).unique == -3
    assert writer.increment(pk, chosen=1).chosen == 2
    for wrong in ({"chosen": 1}, {"exact": Decimal("NaN")}, {"exact": Decimal("1E-9")}, {"exact": Decimal("1E+9")}):
        with pytest.raises(ValidationError):
            writer.increment(pk, wrong)
    row = at_rest(counters)
    assert (row["exact"], row["unique"], row["computed"], row["chosen"]) == (100, -3, 3, 2)


@PATTERNS
@pytest.mark.parametrize("name", ["computed", "about", "flag", "id", "cache_stamp", "nothing"])
def test_what_is_no_counter_is_refused_by_name(counters: Any, pattern: str, name: str) -> None:
    with pytest.raises((ValidationError, FieldError), match=name):
        counters.via(pattern).increment(counters.model.objects.get().pk, {name: 1})


@pytest.mark.parametrize(
    ("name", "reason"), [("nullable", "nullable field"), ("unique", "unique field"), ("exact", "")]
)
def test_where_only_the_row_knows_it_goes_through_the_database(counters: Any, name: str, reason: str) -> None:
    pk = counters.model.objects.get().pk
    counters.update(pk, nullable=1)
    written = counters.via("write-behind").write(pk, {}, increments={name: 1})
    assert written.reason == reason


# a transaction that is rolled back


def _save(**changes: Any) -> None:
    note = Note.objects.get(pk=1)
    vars(note).update(changes)
    note.save()


WAYS: dict[str, Callable[[], Any]] = {
    "save of another field": lambda: _save(title="x"),
    "save of an expression": lambda: _save(size=F("size") + 1),
    "update by an expression": lambda: Note.objects.filter(pk=1).update(size=F("size") + 1),
    "update of another field": lambda: Note.objects.filter(pk=1).update(title="x"),
    "bulk_update": lambda: Note.objects.bulk_update([Note(pk=1, size=1)], ["size"]),
    "bulk_create, conflicts updated": lambda: Note.objects.bulk_create(
        [Note(pk=1, title="x", size=2)], update_conflicts=True, update_fields=["size"], unique_fields=["pk"]
    ),
    "delete": lambda: Note.objects.filter(pk=1).delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_transaction_that_is_rolled_back_leaves_what_is_to_be_added(way: str) -> None:
    Note.objects.bulk_create([Note(pk=1, title="old", body="b", size=5)])
    notes = cache_for(Note)
    notes.via("write-behind").increment(1, size=3)
    with transaction.atomic():
        WAYS[way]()
        transaction.set_rollback(True)
    assert notes.get(1).size == 8
    assert notes.increment(1, size=2).size == 10
    row = at_rest(notes)
    assert (row["size"], row["title"]) == (10, "old")
