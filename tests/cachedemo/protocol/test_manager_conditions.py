"""A manager that would hide a row without a write of that row is refused when the model is registered, with the fix."""

import datetime
import itertools
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models
from django.db.models import Count, Exists, F, Func, OuterRef, Q, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import ExtractYear, Lower, Now, Random
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

from tests.cachedemo.made_models import made
from tests.notes.models import Note, Shelf

pytestmark = pytest.mark.django_db(transaction=True)

calls = itertools.count()


class Today(Func):
    function = "CURRENT_DATE"
    output_field = models.DateField()


class LateCompiler(SQLCompiler):
    def as_sql(self, *args: Any, **options: Any) -> Any:
        self.query.add_q(Q(size=1))
        return super().as_sql(*args, **options)


class LateQuery(Query):
    def get_compiler(self, using: Any = None, connection: Any = None, elide_empty: bool = True) -> Any:
        return LateCompiler(self, connections[using], using, elide_empty)


def late(rows: Any) -> Any:
    rows.query = LateQuery(rows.model)
    return rows


# What a manager may do with all rows, and what is said of it.
REFUSED: dict[str, tuple[Any, str]] = {
    "a join": (lambda rows: rows.filter(shelf__name="open"), "it joins notes_shelf, and a write there .* of the row"),
    "a join of a filtered relation": (
        lambda rows: rows.alias(s=models.FilteredRelation("shelf", condition=Q(shelf__name="x"))).filter(s__name="x"),
        "it joins notes_shelf",
    ),
    "a count": (lambda rows: rows.annotate(n=Count("shelf")).filter(n=1), "it groups the rows"),
    "other rows": (lambda rows: rows.filter(shelf__in=Shelf.objects.filter(name="a")), "looks at other rows"),
    "a subquery": (
        lambda rows: rows.annotate(s=Subquery(Shelf.objects.values("name")[:1])).filter(s="a"),
        "looks at other rows",
    ),
    "exists": (lambda rows: rows.filter(Exists(Shelf.objects.filter(pk=OuterRef("size")))), "looks at other rows"),
    "not exists": (lambda rows: rows.exclude(pages__size=1), "looks at other rows|joins"),
    "now, of the database": (lambda rows: rows.filter(at__lte=Now()), r"asks for Now\(\).* filter by a column"),
    "now, inside of something": (lambda rows: rows.filter(year=ExtractYear(Now())), r"asks for Now\(\)"),
    "an hour ago": (lambda rows: rows.filter(at__lte=Now() - datetime.timedelta(hours=1)), r"asks for Now\(\)"),
    "chance": (lambda rows: rows.filter(size__gt=Random()), r"asks for Random\(\)"),
    "now, of this process": (
        lambda rows: rows.filter(at__lte=datetime.datetime.now(datetime.UTC)),
        "compares with a moment",
    ),
    "a condition of the statement's": (late, "another one at each call"),
    "a number that changes": (lambda rows: rows.filter(size=next(calls)), "another one at each call"),
    "today, of this process": (lambda rows: rows.filter(at__date__lte=datetime.date.today()), "compares with a moment"),
    "today, as a value": (
        lambda rows: rows.annotate(t=Value(datetime.date.today())).filter(at__date__lte=F("t")),
        "compares with a moment",
    ),
    "days": (lambda rows: rows.filter(at__date__in=[datetime.date(2026, 1, 1)]), "compares with a moment"),
    "a function of the project": (
        lambda rows: rows.filter(at__date=Today()),
        "has a Today, of which only the database",
    ),
    "a function by name": (
        lambda rows: rows.filter(size=Func(function="f", output_field=models.IntegerField())),
        "has a Func, of which only the database",
    ),
    "raw SQL": (lambda rows: rows.filter(size=RawSQL("SELECT 1", ())), "has a RawSQL"),
    "extra": (lambda rows: rows.extra(where=["size > 0"]), "has a ExtraWhere"),
    "extra tables": (lambda rows: rows.extra(tables=["notes_shelf"]), "it looks at other tables"),
    "a slice": (lambda rows: rows[:5], "it takes a slice"),
    "distinct": (lambda rows: rows.distinct(), "it leaves out rows that are alike"),
    "a union": (lambda rows: rows.union(rows), "it combines two queries"),
    "no value": (lambda rows: rows.filter(size__in=[]), "shows no row at all"),
    "nothing": (lambda rows: rows.none(), "shows no row at all"),
    "the stamp": (lambda rows: rows.filter(cache_stamp=0), "names cache_stamp, which every write changes"),
    "a column that is not cached": (
        lambda rows: rows.filter(secret="s"),
        "its WHERE names secret: add 'secret' to fields, so that a write of it empties the slot",
    ),
    "a column compared with one that is not cached": (lambda rows: rows.filter(size=F("left")), "add 'left' to fields"),
    "another model's rows": (lambda rows: Note.objects.all(), "returns no QuerySet of this model"),
    "raw": (lambda rows: rows.raw("SELECT 1"), "returns no QuerySet of this model"),
    "a query": (lambda rows: rows.filter(size__in=list(Shelf.objects.values_list("pk", flat=True))), "fails where"),
    "a request": (lambda rows: rows.filter(size=calls.tenant), r"fails where there is no request .*\(AttributeError\)"),
}


def columns(narrow: Any) -> dict[str, Any]:
    class Odd(models.Manager):
        def get_queryset(self) -> Any:
            return narrow(super().get_queryset())

    return {
        "size": models.IntegerField(default=1),
        "year": models.IntegerField(default=1),
        "left": models.IntegerField(default=1),
        "secret": models.CharField(max_length=9),
        "title": models.CharField(max_length=9),
        "at": models.DateTimeField(null=True),
        "shelf": models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="+"),
        "book": models.ForeignKey("self", models.CASCADE, null=True, related_name="pages"),
        "objects": models.Manager(),
        "odd": Odd(),
    }


FIELDS = ["size", "year", "title", "at", "shelf"]


@pytest.mark.parametrize("what", REFUSED)
def test_a_manager_that_hides_rows_without_a_write_of_them_is_refused(what: str) -> None:
    narrow, words = REFUSED[what]
    said = rf"notes\.Made cannot be registered with manager = 'odd': .*({words})"
    with pytest.raises(ImproperlyConfigured, match=said), made(columns(narrow), manager="odd", fields=FIELDS):
        pass


def test_the_name_of_no_manager_is_refused_with_those_that_there_are() -> None:
    said = "manager = 'live': notes.Made has no such manager, but objects, odd"
    with pytest.raises(ImproperlyConfigured, match=said), made(columns(lambda rows: rows), manager="live"):
        pass


# What looks like it, and says the same of a row whatever else is written.
TAKEN: dict[str, Any] = {
    "all rows": lambda rows: rows,
    "a foreign key's own column": lambda rows: rows.filter(shelf__isnull=True),
    "a row by its key": lambda rows: rows.exclude(shelf=7),
    "an annotation of the row": lambda rows: rows.annotate(low=Lower("title")).exclude(low="gone"),
    "a join that finds nothing out": lambda rows: rows.select_related("shelf").order_by("shelf__name"),
    "a count that it does not filter by": lambda rows: rows.only("size").filter(size__gte=0),
    "a moment that is there or not": lambda rows: rows.filter(at=None),
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_manager_that_filters_by_columns_is_taken(what: str) -> None:
    with made(columns(TAKEN[what]), manager="odd", fields=FIELDS) as cache:
        row = cache.create(title="t", secret="s")
        assert cache.get(row.pk).title == cache.update(row.pk, title="t").title == "t"
