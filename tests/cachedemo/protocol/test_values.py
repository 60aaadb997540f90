"""What a write takes: plain values, NULL where the column is for it, and what its database can hold."""

import datetime
import decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import connection, models
from django.db.models import Case, Exists, ExpressionWrapper, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Now, Upper

from cachedemo import cache_for
from cachedemo.protocol.values import normalised
from tests.cachedemo.made_models import made
from tests.cachedemo.protocol.test_every_field import DJANGOS, postgres
from tests.notes.models import Note, Sample, Shelf

pytestmark = pytest.mark.django_db(transaction=True)

PATTERNS = ("cache-aside", "write-through", "write-behind")
EXPRESSIONS = [
    F("title"),
    Upper("title"),
    F("size") + 1,
    F("size").desc(),
    Value("x"),
    Value(None),
    Coalesce("title", Value("x")),
    Cast("size", models.TextField()),
    Func(F("title"), function="LOWER"),
    Now(),
    Q(size=1),
    ~Q(size=1) | Q(title="a"),
    Case(When(size__gt=1, then=Value("x")), default=F("title")),
    ExpressionWrapper(F("size") * 2, models.IntegerField()),
    RawSQL("1", ()),
    OuterRef("title"),
    Subquery(Note.objects.values("title")[:1]),
    Exists(Note.objects.all()),
    Note.objects.values("title")[:1],
    [F("title")],
    (1, [F("title")]),
    {"a": F("title")},
    {"a": [{"b": Now()}]},
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda each: type(each).__name__)
def test_what_only_the_database_can_compute_is_refused_by_name_in_every_field(expression: Any) -> None:
    columns = {name.lower(): make(null=True) for name, (make, _) in (DJANGOS | postgres()).items()}
    with made(columns) as cache:
        row = cache.create()
        for name in columns:
            said = rf"notes\.Made\.{name} takes a value.* is an expression.* increment\(\) .*save\(\) that inside trans"
            for pattern in PATTERNS:
                with pytest.raises(ValidationError, match=said):
                    cache.via(pattern).update(row.pk, **{name: expression})
            with pytest.raises(ValidationError, match=said):
                cache.create(**{name: expression})
        assert cache.table.queue.depth() == 0
        assert cache.model.objects.count() == 1


class Ends:
    """As a range of psycopg has it."""

    isempty, lower, upper = False, F("size"), None


def test_an_expression_at_the_end_of_a_range_is_refused_too() -> None:
    with pytest.raises(ValidationError, match="F is an expression"):
        cache_for(Note).create(title=Ends())


def test_a_limit_of_an_increment_is_a_number() -> None:
    row = cache_for(Note).create(title="a", size=1)
    for limit in (F("size"), "9", True, decimal.Decimal("NaN")):
        for name in ("min", "max"):
            with pytest.raises(ValidationError) as error:
                cache_for(Note).increment(row.pk, size=1, **{name: limit})
            assert error.value.message_dict == {name: ["A limit is a number."]}
    assert cache_for(Note).increment(row.pk, size=1, max=2.5).size == 2


def test_an_expression_for_a_column_that_is_not_cached_is_refused_too() -> None:
    with pytest.raises(ValidationError, match=r"notes\.Note\.secret takes a value"):
        cache_for(Note).create(title="a", secret=Upper("title"))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_null_is_taken_where_the_column_is_for_it_whatever_a_form_asks(pattern: str) -> None:
    columns = {name.lower(): make(null=True) for name, (make, _) in DJANGOS.items()}
    with made(columns) as cache:
        row = cache.via(pattern).create(**dict.fromkeys(columns))
        for name in columns:
            assert not getattr(cache.via(pattern).update(row.pk, **{name: None}), name)
        assert set(cache.table.codec.decode(cache.read(row.pk).body).values()) == {None, row.pk}
        with pytest.raises(ValidationError, match="blank"):
            cache.via(pattern).update(row.pk, charfield="")
        with pytest.raises(ValidationError, match="blank"):
            cache.via(pattern).create(charfield="")
        cache.drain(timeout=5)
        assert cache.table.queue.dead() == {}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_null_is_refused_where_the_column_takes_none(pattern: str) -> None:
    with made({"title": models.CharField(max_length=9, blank=True), "size": models.IntegerField()}) as cache:
        row = cache.create(title="", size=1)
        for name in ("title", "size"):
            with pytest.raises(ValidationError, match="null"):
                cache.via(pattern).update(row.pk, **{name: None})
        with pytest.raises(ValidationError, match="null"):
            cache.create(title="", size=None)
        assert cache.via(pattern).update(row.pk, title="").title == ""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_file_that_is_stored_is_written_by_its_name_and_a_new_one_is_refused(pattern: str) -> None:
    samples = cache_for(Sample)
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    first, other = (samples.create(price=1, at=moment, paper=name) for name in ("first.txt", "other.txt"))
    assert samples.via(pattern).update(first.pk, paper=other.paper).paper.name == "other.txt"
    samples.drain(timeout=5)
    assert Sample.objects.get(pk=first.pk).paper.name == "other.txt"
    with pytest.raises(ValidationError, match=r"A new file: assign it to an instance and save\(\) that"):
        samples.via(pattern).update(first.pk, paper=ContentFile(b"new", name="new.txt"))


UNSTORABLE = [
    (models.TimeField, datetime.time(1, tzinfo=datetime.UTC)),
    (models.DurationField, datetime.timedelta.max),
    (models.DateTimeField, datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=1)))),
    (models.FloatField, float("nan")),
    (models.FloatField, 10**400),
    (models.IntegerField, float("inf")),
]


@pytest.mark.parametrize(("make", "value"), UNSTORABLE, ids=[str(number) for number in range(len(UNSTORABLE))])
def test_what_no_database_may_hold_is_refused_before_anything_is_written(make: Any, value: Any) -> None:
    with made({"field": make(null=True)}) as cache:
        row = cache.create()
        for pattern in PATTERNS:
            with pytest.raises(ValidationError):
                cache.via(pattern).update(row.pk, field=value)
        with pytest.raises(ValidationError):
            cache.create(field=value)
        assert cache.table.queue.depth() == 0
        assert cache.model.objects.count() == 1


def test_a_range_that_ends_before_it_begins_is_refused_before_it_is_queued() -> None:
    from django.contrib.postgres.fields import DateRangeField, IntegerRangeField
    from django.db.backends.postgresql.psycopg_any import DateRange, NumericRange

    day = datetime.date(2020, 1, 1)
    for field, wrong in (
        (IntegerRangeField(), NumericRange(5, 1)),
        (DateRangeField(), DateRange(day, day - datetime.timedelta(1), "[]")),
    ):
        with pytest.raises(ValidationError, match="lower end"):
            normalised(field, wrong)
    assert normalised(IntegerRangeField(), NumericRange(5, 5)).isempty


def test_a_decimal_is_shown_with_the_places_of_its_column_before_the_flush_too() -> None:
    with made({"price": models.DecimalField(max_digits=12, decimal_places=4)}) as cache:
        row = cache.create(price="1.5")
        before = cache.via("write-behind").update(row.pk, price=decimal.Decimal("2.5"))
        assert str(before.price) == "2.5000"
        etag = cache.etag(cache.read(row.pk))
        cache.drain(timeout=5)
        cache.evict([row.pk])
        assert cache.etag(cache.read(row.pk)) == etag


DEFAULTS: dict[str, Any] = {
    "decimal": models.DecimalField(max_digits=9, decimal_places=2, default=0),
    "decimal_text": models.DecimalField(max_digits=9, decimal_places=2, default="1.5"),
    "decimal_float": models.DecimalField(max_digits=9, decimal_places=2, default=0.25),
    "ratio": models.FloatField(default="2"),
    "moment": models.DateTimeField(default="2026-01-02T03:04:05Z"),
    "day": models.DateField(default="2026-01-02"),
    "time": models.TimeField(default="03:04"),
    "key": models.UUIDField(default="6" * 32),
    "size": models.IntegerField(default="7"),
    "done": models.BooleanField(default="t"),
    "title": models.CharField(max_length=9, default=5),
    "shelf": models.ForeignKey(Shelf, models.CASCADE, default="1", related_name="+"),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_default_may_be_written_in_any_form_that_its_field_understands(pattern: str) -> None:
    Shelf.objects.create(pk=1, name="first")
    with made(dict(DEFAULTS)) as cache:
        row = cache.via(pattern).create()
        stored = cache.model.objects.get()
        for name in DEFAULTS:
            assert getattr(row, name) == getattr(cache.get(row.pk), name) == getattr(stored, name)
        assert (row.decimal, row.decimal_text, row.size) == (0, decimal.Decimal("1.50"), 7)
        bulk = cache.model.objects.bulk_create([cache.model()])[0]
        saved = cache.model.objects.create()
        assert cache.get(bulk.pk).decimal_text == cache.get(saved.pk).decimal_text == decimal.Decimal("1.50")


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "1E+400"])
def test_a_decimal_that_is_no_number_or_too_large_is_refused_by_name(number: str) -> None:
    with made({"size": models.DecimalField(max_digits=9, decimal_places=2, default=1)}) as cache:
        row = cache.create()
        with pytest.raises(ValidationError) as refusal:
            cache.update(row.pk, size=decimal.Decimal(number))
        assert set(refusal.value.message_dict) == {"size"}
        with pytest.raises(ValidationError):
            normalised(cache.table.codec.fields["size"], decimal.Decimal(number))
        row.size = decimal.Decimal(number)
        if not row.size.is_finite():
            with pytest.raises(ValidationError):
                row.save()
        assert cache.get(row.pk).size == 1


def test_a_default_that_no_database_holds_is_refused() -> None:
    with made({"title": models.CharField(max_length=9, default="a\0")}) as cache:
        with pytest.raises(ValidationError, match="null characters"):
            cache.create()
        assert cache.model.objects.count() == 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_address_is_null_before_and_after_the_flush(pattern: str) -> None:
    with made({"ip": models.GenericIPAddressField(null=True, blank=True, default="1.2.3.4")}) as cache:
        row = cache.create()
        assert cache.via(pattern).update(row.pk, ip="").ip is None
        body = cache.read(row.pk).body
        cache.drain(timeout=5)
        cache.evict([row.pk])
        assert cache.read(row.pk).body == body
        assert cache.get(row.pk).ip is cache.model.objects.get().ip is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL takes addresses only")
def test_an_address_is_shown_as_its_row_has_it() -> None:
    with made({"ip": models.GenericIPAddressField()}) as cache:
        row = cache.model.objects.create(ip=" 1.2.3.4 ")  # nobody has validated it
        assert cache.get(row.pk).ip == cache.get(row.pk).ip == cache.model.objects.get().ip


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("field", [models.FileField(default="a"), models.FilePathField(path="/tmp", default="a")])
def test_a_path_that_is_too_long_for_its_column_is_refused_before_it_is_written(field: Any, pattern: str) -> None:
    with made({"path": field.clone()}) as cache:
        row = cache.create()
        with pytest.raises(ValidationError, match="No more than 100 characters"):
            cache.via(pattern).update(row.pk, path="x" * 101)
        assert cache.via(pattern).update(row.pk, path="x" * 100).path == "x" * 100
        assert cache.drain(timeout=5) == (pattern == "write-behind")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases take no half of a surrogate pair in JSON")
def test_a_text_without_bytes_in_a_column_of_json_is_read_as_it_was_saved() -> None:
    with made({"data": models.JSONField(), "size": models.IntegerField(default=0)}) as cache:
        row = cache.model.objects.create(data={"\ud800": "half \udc00 of a pair"})
        cache.via("write-behind").update(row.pk, size=1)
        assert cache.get(row.pk).data == cache.get(row.pk).data == cache.model.objects.get().data
        assert cache.get_many([row.pk])[row.pk].data == row.data


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("moment", ["2026-01-02T03:04:05Z", datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)])
def test_a_moment_in_a_timezone_is_refused_where_the_project_has_none(settings: Any, pattern: str, moment: Any) -> None:
    settings.USE_TZ = False
    plain = datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
    with made({"at": models.DateTimeField(default=plain)}) as cache:
        row = cache.create()
        for write in (
            lambda: cache.via(pattern).update(row.pk, at=moment),
            lambda: cache.via(pattern).create(at=moment),
        ):
            with pytest.raises(ValidationError, match="A moment has no timezone where USE_TZ is False"):
                write()
        assert cache.drain(timeout=5) == 0
        assert cache.via(pattern).update(row.pk, at=plain).at == plain
        cache.drain(timeout=5)
        assert cache.get(row.pk).at == cache.model.objects.get().at == plain


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_taken_where_codecs_say_what_they_are_in_json(pattern: str, kind: Any) -> None:
    codecs = {"data": (lambda value: bytes(value).decode("latin-1"), lambda text: text.encode("latin-1"))}
    with made({"data": models.BinaryField(default=b"")}, codecs=codecs) as cache:
        row = cache.via(pattern).create(data=kind(b"a\x00\xff"))
        assert cache.get(row.pk).data == b"a\x00\xff"
        assert cache.via(pattern).update(row.pk, data=kind(b"b\xfe")).data == b"b\xfe"
        cache.drain(timeout=5)
        assert cache.get(row.pk).data == bytes(cache.model.objects.get().data) == b"b\xfe"
