"""Expressions are computed from what every read shows: what waits is below them, what is refused refuses them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, models
from django.db.models import BooleanField, Case, CharField, Exists, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat

from cachedemo import cache_for
from cachedemo.managers import CachedManager
from cachedemo.patterns.expressions import read_by
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from tests.notes.refusal import allow_every_title, refuse_a_title

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def notes() -> Any:
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", body="b0", size=1, owner_id=1) for pk in (1, 2)])
    return cache_for(Note)


def update(**values: Any) -> None:
    Note.objects.filter(pk=1).update(**values)


def save(**values: Any) -> None:
    note = Note.objects.get(pk=1)
    for name, value in values.items():
        setattr(note, name, value)
    note.save()


@pytest.mark.parametrize("write", [update, save])
@pytest.mark.parametrize("also", [{}, {"size": 7}])
def test_an_expression_for_a_field_that_is_not_cached_is_computed_from_what_waits(
    notes: Any, write: Any, also: Any
) -> None:
    notes.via("write-behind").update(1, title="waiting")
    write(secret=Concat(F("title"), Value("!")), **also)
    assert Note.objects.get(pk=1).secret == "waiting!"
    assert notes.get(1).title == "waiting"
    notes.drain(timeout=5)
    assert (notes.get(1).title, Note.objects.get(pk=1).title) == ("waiting", "waiting")


class Shouted(Func):
    """A project's own: its SQL names a column that is not among what it is made of."""

    template = "title || '!'"
    output_field = CharField()


class Loud(Func):
    """A project's own that Django makes the SQL of."""

    function = "UPPER"


OF_THEIR_OWN = [
    RawSQL("title || '!'", []),
    Func(template="title || '!'", output_field=CharField()),
    Shouted(),
    Case(
        When(RawSQL("title = %s", ["waiting"], output_field=BooleanField()), then=Value("waiting!")), default=Value("")
    ),
]


@pytest.mark.parametrize("write", [update, save])
@pytest.mark.parametrize("expression", OF_THEIR_OWN)
def test_sql_of_a_projects_own_is_computed_from_what_waits(notes: Any, write: Any, expression: Any) -> None:
    notes.via("write-behind").update(1, title="waiting")
    write(secret=expression)
    assert Note.objects.get(pk=1).secret == "waiting!"
    notes.drain(timeout=5)
    assert (notes.get(1).title, Note.objects.get(pk=1).title) == ("waiting", "waiting")


def test_an_expression_that_reads_no_cached_field_takes_no_steps(notes: Any, broken_queue: Any) -> None:
    note = Note.objects.get(pk=1)
    with broken_queue():
        update(secret=Concat(F("secret"), Value("!")))
        note.secret = Concat(F("secret"), Value("!"))
        note.save(update_fields=["secret"])
        assert Note.objects.get(pk=1).secret == "!!"


def annotated(body: Any) -> None:
    Note.objects.annotate(twice=Concat(F("title"), F("title"))).filter(pk=1).update(body=body)


@pytest.fixture(params=[False, True], ids=["waiting", "flagged"])
def refused(request: Any, notes: Any) -> Iterator[Any]:
    refuse_a_title()
    notes.via("write-behind").update(1, title="refused")
    if request.param:
        notes.drain(timeout=5)
    yield notes
    allow_every_title()


LONG = Case(When(title__gt="b", then=Value("long")), default=Value("short"))


@pytest.mark.parametrize(
    ("write", "expression"),
    [
        (update, F("title")),
        (update, LONG),
        (save, LONG),
        (update, OF_THEIR_OWN[0]),
        (save, OF_THEIR_OWN[0]),
        (annotated, F("twice")),
        (annotated, Case(When(Q(pk=0) | ~Q(twice="a"), then=Value("long")), default=Value("short"))),
    ],
)
def test_an_expression_over_what_is_refused_is_refused_however_it_reads_it(
    refused: Any, write: Any, expression: Any
) -> None:
    with pytest.raises(IntegrityError):
        write(body=expression)
    assert (refused.get(1).title, refused.get(1).body) == ("refused", "b0")


def test_other_rows_may_be_read_where_a_value_is_refused(refused: Any) -> None:
    update(body=Subquery(Note.objects.filter(pk=2).values("title")[:1]))
    assert (refused.get(1).title, refused.get(1).body) == ("refused", "a2")


OTHERS = Note.objects.filter(title=OuterRef("body"))


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        (F("title__lower"), {"title"}),
        (Case(When(Q(size__gt=F("body")), then=Value(1))), {"size", "body"}),
        (Exists(OTHERS), {"body"}),
        (Case(When(Exists(OTHERS), then=F("size"))), {"body", "size"}),
        (Concat(F("secret"), Value("title")), set()),
        (OTHERS.values("title")[:1], {"body"}),
        (Loud(F("body")), {"body"}),
        (Exists(OTHERS.extra(where=["1 = 1"])), {"title", "body", "size"}),
    ],
)
def test_what_an_expression_reads(expression: Any, read: set[str]) -> None:
    assert read_by([expression], cache_for(Note).table.codec.fields) == read


def columns(expression: Any) -> dict[str, Any]:
    return {
        "title": models.CharField(max_length=30),
        "size": models.IntegerField(default=0),
        "secret": models.CharField(max_length=30, default=""),
        "made": models.GeneratedField(expression=expression, output_field=CharField(max_length=60), db_persist=True),
        "objects": CachedManager(),
    }


@pytest.mark.parametrize("way", ["update", "save"])
def test_a_generated_column_is_computed_from_what_waits_wherever_it_is_named(way: str) -> None:
    with made(columns(Concat(F("title"), Value("!"))), fields=["title", "size"]) as cache:
        rows = cache.model.objects
        row = rows.create(pk=1, title="a")
        cache.via("write-behind").update(1, title="waiting")
        if way == "update":
            rows.update(secret=F("made"))
        else:
            row.secret = F("made")
            row.save(update_fields=["secret"])
        assert rows.get(pk=1).secret == "waiting!"


@pytest.mark.parametrize(
    "expression",
    [
        Case(When(size__gt=10, then=F("title")), default=Value("small")),
        Case(When(Q(title="t") & ~Q(size=0), then=Value("t")), default=Value("small")),
    ],
)
def test_a_generated_column_is_shown_as_it_will_be_whatever_it_is_computed_from(expression: Any) -> None:
    with made(columns(expression)) as cache:
        cache.model.objects.create(pk=1, title="t")
        assert cache.get(1).made == "small"
        cache.via("write-behind").update(1, size=11)
        assert cache.get(1).made == "t"
