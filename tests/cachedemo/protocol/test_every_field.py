"""Every class of field that Django has: what is written is what is read, in each pattern, flushed or not."""

import datetime
import decimal
import enum
import math
import pkgutil
import string
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.contrib import postgres as postgres_app
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import cachedemo
from cachedemo.protocol import update_of_arrays
from tests.cachedemo.made_models import a_class, made
from tests.cachedemo.test_cascades import new_models
from tests.notes.models import Shelf

UTC = datetime.UTC
PATTERNS = ("cache-aside", "write-through", "write-behind")
DAYS = datetime.timedelta(10**6)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
DATES = st.dates(datetime.date(1000, 1, 1))
MOMENTS = st.datetimes(
    datetime.datetime(1000, 1, 3),
    datetime.datetime(9999, 12, 29),
    timezones=st.sampled_from([UTC, datetime.timezone(datetime.timedelta(hours=2, minutes=30))]),
)
DECIMALS = st.decimals(-(10**6) + 1, 10**6 - 1, places=3, allow_nan=False)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
).filter(lambda value: value not in (None, "", [], {}))


class Mood(enum.Enum):
    GOOD = "g"
    BAD = "b"


class MoodField(models.CharField):
    """Objects of a project's own in a column of text."""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Mood) else Mood(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else Mood(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else self.to_python(value).value

    def run_validators(self, value: Any) -> None: ...


class Percent(int):
    pass


class PercentField(models.IntegerField):
    def to_python(self, value: Any) -> Any:
        return None if value is None else Percent(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else int(value)


class LowerField(models.CharField):
    """What is written is not what was passed."""

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(value).lower()


class PointField(models.Field):
    """A class that inherits from none of Django's, and says by itself what it is as text."""

    def db_type(self, connection: Any) -> str:
        return "varchar(50)"

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, complex) else complex(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else str(value)

    def value_to_string(self, obj: Any) -> str:
        return str(self.value_from_object(obj))


def whole(bits: int, positive: bool = False) -> Any:
    return st.integers(0 if positive else -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# Of each class: what makes a field of it, and values that it takes.
DJANGOS: dict[str, tuple[Any, Any]] = {
    "BigIntegerField": (models.BigIntegerField, whole(64)),
    "BooleanField": (models.BooleanField, st.booleans()),
    "CharField": (lambda **o: models.CharField(max_length=200, **o), TEXT),
    "DateField": (models.DateField, DATES),
    "DateTimeField": (models.DateTimeField, MOMENTS),
    "DecimalField": (lambda **o: models.DecimalField(max_digits=10, decimal_places=4, **o), DECIMALS),
    "DurationField": (models.DurationField, st.timedeltas(-DAYS, DAYS)),
    "EmailField": (lambda **o: models.EmailField(**o), WORD.map(lambda word: f"{word}@example.com")),
    "FileField": (models.FileField, WORD),
    "FilePathField": (lambda **o: models.FilePathField(path="/tmp", **o), WORD),
    "FloatField": (models.FloatField, FLOATS),
    "ForeignKey": (lambda **o: models.ForeignKey(Shelf, models.CASCADE, related_name="+", **o), st.just("shelf")),
    "GenericIPAddressField": (models.GenericIPAddressField, st.ip_addresses().map(str)),
    "ImageField": (models.ImageField, WORD),
    "IntegerField": (models.IntegerField, whole(32)),
    "JSONField": (models.JSONField, JSON),
    "OneToOneField": (
        lambda **o: models.OneToOneField(Shelf, models.CASCADE, related_name="+", **o),
        st.none(),  # no two rows of an example may have one
    ),
    "PositiveBigIntegerField": (models.PositiveBigIntegerField, whole(64, positive=True)),
    "PositiveIntegerField": (models.PositiveIntegerField, whole(32, positive=True)),
    "PositiveSmallIntegerField": (models.PositiveSmallIntegerField, whole(16, positive=True)),
    "SlugField": (models.SlugField, WORD),
    "SmallIntegerField": (models.SmallIntegerField, whole(16)),
    "TextField": (models.TextField, TEXT),
    "TimeField": (models.TimeField, st.times()),
    "URLField": (models.URLField, WORD.map(lambda word: f"https://example.com/{word}")),
    "UUIDField": (models.UUIDField, st.uuids()),
    "MoodField": (lambda **o: MoodField(max_length=1, **o), st.sampled_from(Mood)),
    "PercentField": (PercentField, whole(31).map(Percent)),
    "LowerField": (lambda **o: LowerField(max_length=20, **o), WORD),
    "PointField": (PointField, st.complex_numbers(max_magnitude=10**6, allow_subnormal=False).map(lambda c: c + 0)),
}
NOT_BY_THEMSELVES = {
    "Field",
    "AutoField",
    "BigAutoField",
    "SmallAutoField",  # keys
    "BinaryField",
    "CompositePrimaryKey",
    "ForeignObject",
    "ManyToManyField",  # refused
    "GeneratedField",  # below
    "OrderWrt",
    "CommaSeparatedIntegerField",
    "IPAddressField",
    "NullBooleanField",  # removed from Django, but for migrations
}


# Of PostgreSQL's: why no value of such a class is tried below.
NOT_TRIED = {
    "CICharField": "fields.E905",
    "CIEmailField": "fields.E906",
    "CITextField": "fields.E907",
    "JSONField": "fields.E904",  # removed from Django, whose own check says so
    "SearchQueryField": "refused",
    "SearchVectorField": "refused",
    "RangeField": "abstract",
    "ContinuousRangeField": "abstract",
    "_Float4Field": "private",
}


def postgres() -> dict[str, tuple[Any, Any]]:
    if connection.vendor != "postgresql":
        return {}
    teach_hstore()
    return of_postgres()


def of_postgres() -> dict[str, tuple[Any, Any]]:
    from django.contrib.postgres import fields
    from django.db.backends.postgresql.psycopg_any import DateRange, DateTimeTZRange, NumericRange

    def array(part: Any, **options: Any) -> Any:
        return lambda **o: fields.ArrayField(part(), **options, **o)

    def ranges(kind: Any, ends: Any) -> Any:
        bounds = st.sampled_from(["[)", "(]", "[]", "()"])
        ordered = st.tuples(st.none() | ends, st.none() | ends).map(
            lambda pair: pair if None in pair else tuple(sorted(pair))
        )
        return st.builds(lambda pair, bounds: kind(*pair, bounds), ordered, bounds) | st.just(kind(empty=True))

    def decimals() -> Any:
        return models.DecimalField(max_digits=10, decimal_places=4)

    days = ranges(DateRange, st.dates(datetime.date(1000, 1, 1), datetime.date(9999, 1, 1)))
    moments = ranges(DateTimeTZRange, MOMENTS)
    numbers = ranges(NumericRange, st.integers(-(2**30), 2**30))
    words = st.dictionaries(WORD, WORD | st.none(), min_size=1, max_size=3)

    def lists(parts: Any, most: int = 4) -> Any:
        return st.lists(parts, min_size=1, max_size=most)

    return {
        "ArrayField": (array(lambda: models.DateField(null=True, blank=True)), lists(DATES | st.none())),
        "arrays": (array(array(decimals)), lists(st.lists(DECIMALS, min_size=2, max_size=2))),
        "moods": (array(lambda: MoodField(max_length=1)), lists(st.sampled_from(Mood))),
        "moments": (array(models.DateTimeField), lists(MOMENTS)),
        "jsons": (array(lambda: models.JSONField(null=True)), lists(JSON)),
        "keys": (array(models.UUIDField, size=3), lists(st.uuids(), 3)),
        "spans": (array(models.DurationField), lists(st.timedeltas(-DAYS, DAYS))),
        "halves": (array(models.FloatField), lists(FLOATS)),
        "texts": (array(lambda: models.CharField(max_length=200)), lists(TEXT)),
        "numbers": (array(fields.IntegerRangeField), lists(numbers)),
        "visits": (array(fields.DateTimeRangeField), lists(moments)),
        "stores": (array(fields.HStoreField), lists(words)),
        "HStoreField": (fields.HStoreField, words),
        "IntegerRangeField": (fields.IntegerRangeField, numbers),
        "BigIntegerRangeField": (fields.BigIntegerRangeField, ranges(NumericRange, st.integers(-(2**60), 2**60))),
        "DecimalRangeField": (fields.DecimalRangeField, ranges(NumericRange, DECIMALS)),
        "DateRangeField": (fields.DateRangeField, days),
        "DateTimeRangeField": (fields.DateTimeRangeField, moments),
    }


def classes_of_postgres() -> dict[str, type]:
    """Return each class of field in any module of `django.contrib.postgres`."""
    found = [
        import_module(each.name) for each in pkgutil.walk_packages(postgres_app.__path__, postgres_app.__name__ + ".")
    ]
    return {
        name: each
        for module in found
        for name, each in vars(module).items()
        if isinstance(each, type) and issubclass(each, models.Field) and each.__module__ == module.__name__
    }


def test_no_class_of_postgresqls_is_forgotten() -> None:
    there = classes_of_postgres().keys()
    assert there - NOT_TRIED.keys() == there & of_postgres().keys()
    assert there >= NOT_TRIED.keys()


@pytest.mark.parametrize(("name", "why"), [(name, why) for name, why in NOT_TRIED.items() if why[0] in "fr"])
def test_a_class_of_postgresqls_whose_values_cannot_be_cached_is_refused_by_name(
    transactional_db: None, name: str, why: str
) -> None:
    field = classes_of_postgres()[name](**({"max_length": 9} if name in ("CICharField", "CIEmailField") else {}))
    with new_models():
        model = a_class("Made", {"odd": field})
        if why == "refused":
            with pytest.raises(
                FieldDoesNotExist, match=rf"notes\.Made\.odd, a {name}, cannot be cached: .* Leave it out"
            ):
                cachedemo.register(model)(type("MadeCache", (cachedemo.ModelCache,), {"fields": ["odd"]}))
        else:
            assert [error.id for error in model.check() if error.obj is field] == [why]


def test_no_class_of_djangos_is_forgotten() -> None:
    there = {name for name, each in vars(models).items() if isinstance(each, type) and issubclass(each, models.Field)}
    assert there - NOT_BY_THEMSELVES == there & DJANGOS.keys()
    assert there >= DJANGOS.keys() - {"MoodField", "PercentField", "LowerField", "PointField"}


def teach_hstore() -> None:
    """Do what the app `django.contrib.postgres` does for each connection."""
    from django.contrib.postgres.signals import get_hstore_oids, register_type_handlers

    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS hstore")
    get_hstore_oids.cache_clear()
    register_type_handlers(connection)


@pytest.fixture
def everything(transactional_db: None) -> Iterator[Any]:
    """A cache of a model with a field of each class, and what makes values for them."""
    kinds = DJANGOS | postgres()
    columns = {name.lower(): make(null=True) for name, (make, _) in kinds.items()}
    shelf = Shelf.objects.create(name="first")
    values = st.fixed_dictionaries(
        {
            name.lower(): st.none() | (each if name != "ForeignKey" else st.just(shelf))
            for name, (_, each) in kinds.items()
        }
    )
    with made(columns) as cache:
        yield cache, values


# Making an example smaller takes longer than finding it, so it is left as it is found.
wide = settings(
    max_examples=20, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.mark.timeout(300)
def test_what_is_written_is_what_is_read_and_what_the_database_has(everything: Any) -> None:
    cache, values = everything

    @wide
    @given(st.data(), values, values)
    def holds(data: Any, first: dict[str, Any], second: dict[str, Any]) -> None:
        for pattern in PATTERNS:
            row = cache.via(pattern).create(**first)
            shown_alike(cache, row.pk, row)
            names = data.draw(st.sets(st.sampled_from(sorted(second)), min_size=1))
            row = cache.via(pattern).update(row.pk, **{name: second[name] for name in names})
            shown_alike(cache, row.pk, row)

    holds()


def shown_alike(cache: Any, pk: Any, returned: Any) -> None:
    """A hit, a miss, and a miss after the flush show the same bytes and values, which are those of the row."""
    cache.read(pk)
    entries = [cache.read(pk)]
    cache.evict([pk])
    entries += [cache.read(pk)]
    shown = [returned, cache.get(pk)]
    cache.drain(timeout=5)
    assert cache.table.queue.depth() == 0, cache.table.queue.dead()
    cache.evict([pk])
    entries += [cache.read(pk)]
    row = cache.model.objects.get(pk=pk)
    decoded = [cache.table.codec.decode(entry.body) for entry in entries]
    differing = {name: [each[name] for each in decoded] for name in decoded[0]}
    assert len({entry.body for entry in entries}) == 1, {
        name: values for name, values in differing.items() if len(set(map(repr, values))) > 1
    }
    assert len({cache.etag(entry) for entry in entries}) == 1
    for instance in (*shown, cache.get(pk)):
        for field in cache.table.codec.fields.values():
            ours, theirs = getattr(instance, field.attname), getattr(row, field.attname)
            assert (ours, type(ours)) == (theirs, type(theirs)), field.name


@pytest.mark.timeout(300)
def test_what_waits_is_carried_by_a_save_and_written_before_a_bulk_update(everything: Any) -> None:
    cache, values = everything

    @wide
    @given(values, st.booleans())
    def holds(waiting: dict[str, Any], saves: bool) -> None:
        row = cache.create()
        cache.via("write-behind").update(row.pk, **waiting)
        expected = cache.table.codec.decode(cache.read(row.pk).body) | {"charfield": "new"}
        if saves:
            row.charfield = "new"
            row.save()
        else:
            cache.model.objects.filter(pk=row.pk).update(charfield="new")
        assert cache.table.codec.decode(cache.read(row.pk).body) == expected
        shown_alike(cache, row.pk, cache.get(row.pk))

    holds()


EAST = datetime.timezone(datetime.timedelta(hours=2))
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, UTC)

# Ways to pass one value.
ALIKE: dict[str, list[Any]] = {
    "IntegerField": [9, "9", 9.0, decimal.Decimal(9), " 9"],
    "FloatField": [2.0, 2, "2", "2.00", decimal.Decimal(2)],
    "DecimalField": [decimal.Decimal("1.5"), "1.50", decimal.Decimal("15E-1"), 1.5],
    "DateTimeField": [
        MOMENT,
        MOMENT.astimezone(EAST),
        "2026-01-02T05:04:05.000006+02:00",
        "2026-01-02 03:04:05.000006Z",
    ],
    "DateField": [MOMENT.date(), "2026-01-02", datetime.datetime(2026, 1, 2)],
    "UUIDField": ["6" * 32, f"{{{'6' * 32}}}", int("6" * 32, 16)],
    "GenericIPAddressField": ["2001:db8::1", "2001:0DB8:0::1"],
    "JSONField": [{"b": 1, "aa": {"y": 1, "x": 2}}, {"aa": {"x": 2, "y": 1}, "b": 1}],
    "BooleanField": [True, "True", 1, "1"],
    "DurationField": [datetime.timedelta(days=1), "1 00:00:00", "P1D", "24:00:00"],
    "MoodField": [Mood.GOOD, "g"],
    "LowerField": ["abc", "ABC"],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_however_a_value_is_passed_the_row_its_body_and_its_etag_are_the_same(everything: Any, pattern: str) -> None:
    cache, _ = everything
    row = cache.create()
    for name, ways in ALIKE.items():
        bodies = set()
        for way in ways:
            shown_alike(cache, row.pk, cache.via(pattern).update(row.pk, **{name.lower(): way}))
            bodies.add(cache.read(row.pk).body)
        assert len(bodies) == 1, name


@pytest.mark.parametrize("pattern", PATTERNS)
def test_zero_has_no_sign_and_a_large_number_in_json_is_whole(everything: Any, pattern: str) -> None:
    cache, _ = everything
    row = cache.create()
    odd = {"floatfield": -0.0, "decimalfield": decimal.Decimal("-0.00"), "jsonfield": [-0.0, 1e16, 1.5e300, 1e-7]}
    row = cache.via(pattern).update(row.pk, **odd)
    shown_alike(cache, row.pk, row)
    assert math.copysign(1, row.floatfield) == 1
    assert row.decimalfield.is_signed() is False


def test_what_a_generated_column_shows_is_computed_from_what_is_shown_beside_it(transactional_db: None) -> None:
    sizes = {"output_field": models.IntegerField(), "db_persist": True}
    columns = {
        "size": models.IntegerField(default=1),
        "title": models.CharField(max_length=20, default="t"),
        "twice": models.GeneratedField(expression=models.F("size") * 2, **sizes),
    }
    with made(columns) as cache:
        row = cache.create(size=2)
        assert row.twice == cache.get(row.pk).twice == 4
        for number, pattern in enumerate(PATTERNS):
            assert cache.via(pattern).update(row.pk, size=number).twice == number * 2
            assert cache.get(row.pk).twice == number * 2
        assert cache.via("write-behind").update(row.pk, title="new").twice == 4
        assert cache.table.queue.depth() == 1, "what it is not computed from may wait"
        cache.drain(timeout=5)
        instance = cache.get(row.pk)
        instance.size = 7
        instance.save()
        assert cache.get(row.pk).twice == 14
        with pytest.raises(Exception, match=r"notes\.Made\.twice is computed by the database"):
            cache.update(row.pk, twice=1)
        with pytest.raises(Exception, match=r"notes\.Made\.twice is computed by the database"):
            cache.create(twice=1)


@pytest.mark.timeout(300)
def test_the_rows_of_one_batch_get_what_each_would_get_alone(everything: Any) -> None:
    """On PostgreSQL, columns of most types travel as arrays, and a batch that names another goes a row at a time."""
    cache, values = everything
    as_arrays = [name for name, field in cache.table.codec.fields.items() if goes_as_array(field)] or [*FAMILIAR]

    @wide
    @given(st.data(), st.lists(values, min_size=2, max_size=4))
    def holds(data: Any, rows: list[dict[str, Any]]) -> None:
        cache.model.objects.all().delete()
        writer, shown = cache.via("write-behind"), {}
        names = st.sampled_from(data.draw(st.sampled_from([as_arrays, sorted(rows[0])])))
        for row in rows:
            pk = cache.model.objects.create().pk
            writer.update(pk, **{name: row[name] for name in data.draw(st.sets(names, min_size=1))})
            shown[pk] = cache.read(pk).body
        waiting = cache.table.queue.depth()  # a row that names a foreign key or a unique field only does not wait
        assert cache.drain(timeout=5) == waiting
        assert cache.table.queue.depth() == 0, cache.table.queue.dead()
        cache.evict(shown)
        assert {pk: cache.read(pk).body for pk in shown} == shown

    holds()


FAMILIAR = ("charfield", "integerfield", "datetimefield", "jsonfield", "decimalfield")


def goes_as_array(field: Any) -> bool:
    return update_of_arrays.goes_as_array(field, connection) and field.remote_field is None
