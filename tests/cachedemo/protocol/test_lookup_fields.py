"""Which fields rows can be looked up by, and that a value is found however it is spelled."""

import datetime
import decimal
import uuid
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection, models, transaction
from django.db.models import Deferrable, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

import cachedemo
from cachedemo import cache_for, checks, registration_checks
from tests.cachedemo.made_models import a_class, made
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

sqlite_only = pytest.mark.skipif("config.getoption('postgresql')", reason="SQLite only")
postgresql_only = pytest.mark.skipif("not config.getoption('postgresql')", reason="PostgreSQL only")

UTC = datetime.UTC
SOME_UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)

KINDS: dict[str, tuple[models.Field, list[Any], Any]] = {
    "char": (models.CharField(max_length=9, unique=True, null=True), ["a", "A", "a "], "b"),
    "slug": (models.SlugField(unique=True), ["a-b"], "a_b"),
    "integer": (models.IntegerField(unique=True, null=True), [7, "7", 7.0, decimal.Decimal(7)], 8),
    "decimal": (
        models.DecimalField(unique=True, max_digits=8, decimal_places=2),
        [decimal.Decimal("1.5"), "1.50", "1.5", decimal.Decimal("1.500")],
        "1.51",
    ),
    "float": (models.FloatField(unique=True), [0.5, "0.5"], 0.25),
    "uuid": (
        models.UUIDField(unique=True),
        [SOME_UUID, str(SOME_UUID), SOME_UUID.hex],
        uuid.uuid4(),
    ),
    "moment": (
        models.DateTimeField(unique=True),
        [NOON, NOON.astimezone(datetime.timezone(datetime.timedelta(hours=2))), "2026-01-01T13:00:00+01:00"],
        NOON + datetime.timedelta(microseconds=1),
    ),
    "day": (models.DateField(unique=True), [datetime.date(2026, 1, 1), "2026-01-01"], "2026-01-02"),
    "duration": (models.DurationField(unique=True), [datetime.timedelta(seconds=90), "00:01:30"], "00:01:31"),
    "address": (models.GenericIPAddressField(unique=True), ["::1", "0:0::1"], "::2"),
    "boolean": (models.BooleanField(unique=True), [True, 1, "True"], False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_found_by_each_spelling_of_its_value(kind: str, redis_cache: Any) -> None:
    field, spellings, other = KINDS[kind]
    with made({"value": field.clone(), "title": models.TextField(default="")}, lookups=["value"]) as rows:
        for value in spellings if kind == "char" else spellings[:1]:
            row = rows.model.objects.create(value=value)
            for spelled in [value] if kind == "char" else spellings:
                assert rows.get_by(value=spelled).pk == row.pk
                assert rows.get_many_by("value", [spelled])[rows.get(row.pk).value].pk == row.pk
        rows.model.objects.exclude(pk=row.pk).delete()
        for pattern in cachedemo.Pattern:
            rows.via(pattern).update(row.pk, value=other, title=pattern)
            assert rows.get_by(value=other).title == pattern
            rows.via(pattern).update(row.pk, value=spellings[0])
            assert rows.get_by(value=spellings[0]).pk == row.pk
            with pytest.raises(rows.model.DoesNotExist):
                rows.get_by(value=other)
        hints = list(redis_cache.scan_iter("v1:made/value:*"))
        assert len(hints) <= len(spellings), "one hint for one value, however it is spelled"


def test_null_is_no_value_and_many_rows_may_have_it() -> None:
    with made({"value": models.CharField(max_length=9, unique=True, null=True)}, lookups=["value"]) as rows:
        one, _ = (rows.model.objects.create(value=None) for _ in "ab")
        with pytest.raises(ValidationError):
            rows.get_by(value=None)
        rows.update(one.pk, value="a")
        assert rows.get_by(value="a").pk == one.pk
        rows.update(one.pk, value=None)
        with pytest.raises(rows.model.DoesNotExist):
            rows.get_by(value="a")


def test_a_row_is_found_by_the_other_one_that_it_belongs_to() -> None:
    with made({"user": models.OneToOneField(User, models.CASCADE)}, lookups=["user"]) as rows:
        user = User.objects.create(name="A", email="a@example.com")
        row = rows.model.objects.create(user=user)
        assert rows.get_by(user=user).pk == rows.get_by(user_id=user.pk).pk == row.pk
        assert rows.get_many_by("user", [user])[user.pk].pk == row.pk


# what may be unique


def declared(field: models.Field, **meta: Any) -> Any:
    return field, meta


def text(**options: Any) -> models.Field:
    return models.CharField(max_length=9, **options)


UNIQUE = {
    "unique": declared(text(unique=True)),
    "alone in a constraint": declared(text(), constraints=[UniqueConstraint(fields=["value"], name="odd")]),
    "alone in unique_together": declared(text(), unique_together=[("value",)]),
    "deferred": declared(
        text(), constraints=[UniqueConstraint(fields=["value"], name="odd", deferrable=Deferrable.DEFERRED)]
    ),
}
NOT_UNIQUE = {
    "not at all": declared(text()),
    "with another": declared(text(), constraints=[UniqueConstraint(fields=["value", "title"], name="odd")]),
    "of some rows": declared(
        text(), constraints=[UniqueConstraint(fields=["value"], condition=Q(title=""), name="odd")]
    ),
    "by an expression": declared(text(), constraints=[UniqueConstraint(Lower("value"), name="odd")]),
    "together": declared(text(), unique_together=[("value", "title")]),
}


@isolate_apps("tests.notes")
def registered_with(declaration: Any, **options: Any) -> Any:
    field, meta = declaration
    model = a_class("Odd", {"value": field.clone(), "title": models.TextField(default="")}, **meta)
    cache = type("OddCache", (cachedemo.ModelCache,), {"fields": "__all__", "lookups": ["value"], **options})(model)
    registration_checks.check(cache)
    return cache


@pytest.mark.parametrize("kind", UNIQUE)
def test_a_field_that_is_unique_by_itself_may_be_looked_up(kind: str) -> None:
    assert registered_with(UNIQUE[kind]).table.looked_up_by == ["value"]


@pytest.mark.parametrize("kind", NOT_UNIQUE)
def test_a_field_that_two_rows_may_share_is_refused_by_name(kind: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"lookups = \['value'\]: two rows may have the same value: give it"):
        registered_with(NOT_UNIQUE[kind])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"lookups": ["nothing"]}, "'nothing' is none of the cached fields"),
        ({"fields": ["title"]}, "'value' is none of the cached fields"),
        ({"lookups": ["id"]}, "'id' is none of the cached fields"),
        ({"lookups": [1]}, "1 is none of the cached fields"),
    ],
)
def test_what_is_no_field_to_look_up_is_refused_by_name(options: Any, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=why):
        registered_with(UNIQUE["unique"], **options)


@pytest.mark.parametrize("field", [models.JSONField(unique=True), models.FileField(unique=True)])
def test_a_class_of_field_whose_values_have_no_text_is_refused(field: models.Field) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"value is a (JSON|File)Field, whose values have no text"):
        registered_with(declared(field))


# collations


def said(databases: list[str] | None = None) -> list[str]:
    return [str(message.id) for message in checks.check_keys(databases=databases)]


@sqlite_only
def test_a_declared_collation_that_holds_two_texts_to_be_one_is_refused() -> None:
    with made({"value": text(unique=True, db_collation="NOCASE")}, lookups=["value"]):
        assert said() == ["cachedemo.E012"]
    with made({"value": text(unique=True, db_collation="NOCASE")}):
        assert said() == [], "nobody looks rows up by it"


@sqlite_only
@pytest.mark.parametrize("digits", [15, 16])
def test_a_decimal_longer_than_sqlite_keeps_is_warned_of(digits: int) -> None:
    columns = {"value": models.DecimalField(unique=True, max_digits=digits, decimal_places=2)}
    with made(columns, lookups=["value"]):
        assert said() == (["cachedemo.W010"] if digits == 16 else [])


@sqlite_only
def test_a_column_with_such_a_collation_is_found_in_the_database_and_by_the_first_lookup(redis_cache: Any) -> None:
    with made({"value": text(unique=True)}, lookups=["value"]) as rows:
        table = rows.model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE "{table}"')
            cursor.execute(
                f'CREATE TABLE "{table}" (id integer PRIMARY KEY, cache_stamp bigint, '
                f"value varchar(9) UNIQUE COLLATE NOCASE)"
            )
        assert said() == []
        assert said(["default"]) == ["cachedemo.E013"]
        rows.model.objects.create(value="Abc")
        assert rows.get_by(value="Abc").value == "Abc"
        for _ in range(2):
            with pytest.raises(ImproperlyConfigured, match=r"notes\.Made\.value cannot be in lookups"):
                rows.get_by(value="ABC")
        assert list(redis_cache.scan_iter("v1:made/value:ABC")) == []


@postgresql_only
def test_a_type_that_holds_two_texts_to_be_one_is_found_in_postgresql() -> None:
    with made({"value": text(unique=True)}, lookups=["value"]) as rows:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS citext")
            cursor.execute(f"ALTER TABLE {rows.model._meta.db_table} ALTER COLUMN value TYPE citext")
        assert said(["default"]) == ["cachedemo.E013"]
        rows.model.objects.create(value="Abc")
        assert rows.get_by(value="Abc").value == "Abc"
        with pytest.raises(ImproperlyConfigured):
            rows.get_by(value="ABC")


@postgresql_only
def test_two_rows_with_one_value_inside_a_transaction_are_too_many() -> None:
    unique = UniqueConstraint(fields=["value"], name="made_once", deferrable=Deferrable.DEFERRED)
    with made({"value": text()}, meta={"constraints": [unique]}, lookups=["value"]) as rows:
        one, two = rows.model.objects.create(value="a"), rows.model.objects.create(value="b")
        with transaction.atomic():
            rows.model.objects.filter(pk=two.pk).update(value="a")
            with pytest.raises(rows.model.MultipleObjectsReturned):
                rows.get_by(value="a")
            rows.model.objects.filter(pk=one.pk).update(value="b")
            assert rows.get_by(value="a").pk == two.pk
        assert rows.get_by(value="a").pk == two.pk
        assert rows.get_by(value="b").pk == one.pk


def test_the_demo_s_users_are_looked_up_by_email() -> None:
    assert cache_for(User).table.looked_up_by == ["email"]
