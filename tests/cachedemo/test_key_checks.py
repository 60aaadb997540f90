"""A text key whose collation holds two texts to be one is refused, by what the model says or the column has."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection, models

from cachedemo import cache_for, checks
from cachedemo.protocol import key_collations
from tests.cachedemo.made_models import made

pytestmark = pytest.mark.django_db(transaction=True)

sqlite_only = pytest.mark.skipif("config.getoption('postgresql')", reason="SQLite only")
postgresql_only = pytest.mark.skipif("not config.getoption('postgresql')", reason="PostgreSQL only")


def key(**options: Any) -> dict[str, Any]:
    return {"key": models.CharField(primary_key=True, max_length=20, **options), "title": models.TextField()}


def said(databases: list[str] | None = None) -> list[str]:
    return [str(message.id) for message in checks.check_keys(databases=databases)]


def altered(cache: Any, declared: str) -> None:
    """Let the column of the key be something else than the model says."""
    table = cache.model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{table}"')
        cursor.execute(f'CREATE TABLE "{table}" (cache_stamp bigint, title text, "key" {declared})')


@sqlite_only
@pytest.mark.parametrize("collation", ["NOCASE", "RTRIM", "nocase"])
def test_a_declared_collation_is_refused_by_every_check(collation: str) -> None:
    with made(key(db_collation=collation)):
        assert said() == said(["default"]) == ["cachedemo.E010"]
        [message] = [each for each in run_checks() if each.id == "cachedemo.E010"]
        assert "notes.Made.key is declared with" in message.msg


class Padded(models.CharField):
    """A project's own field, whose type ignores case or spaces at the end."""

    def db_type(self, connection: Any) -> str:
        return {"sqlite": "varchar(20) COLLATE NOCASE", "postgresql": "char(20)"}[connection.vendor]


def test_so_is_a_type_that_a_field_of_a_projects_own_has() -> None:
    own = {"key": Padded(primary_key=True, max_length=20), "title": models.TextField()}
    with made(own):
        assert said() == ["cachedemo.E010"]


@pytest.mark.parametrize("kind", ["varchar(20)", "character varying(20)", "text", "uuid", "character_data"])
def test_a_type_that_tells_texts_apart_is_fine(kind: str) -> None:
    assert not key_collations._LOOSE_TYPE_OF_POSTGRESQL.fullmatch(kind)


@sqlite_only
def test_a_declared_collation_that_tells_texts_apart_is_fine() -> None:
    with made(key(db_collation="BINARY")):
        assert said(["default"]) == []
    columns = {"key": models.IntegerField(primary_key=True), "title": models.TextField(db_collation="NOCASE")}
    with made(columns):
        assert said(["default"]) == []


@sqlite_only
@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("varchar(20) PRIMARY KEY COLLATE NOCASE", ["cachedemo.E011"]),
        ("varchar(20) COLLATE RTRIM PRIMARY KEY", ["cachedemo.E011"]),
        ("varchar(20) NOT NULL COLLATE nocase", ["cachedemo.E011"]),
        ("varchar(20) PRIMARY KEY", []),
        ("varchar(20) PRIMARY KEY COLLATE BINARY", []),
        ("varchar(20) NOT NULL, other text COLLATE NOCASE", []),
    ],
)
def test_what_the_column_has_in_sqlite_is_looked_at_if_the_database_is_named(declared: str, expected: Any) -> None:
    with made(key()) as cache:
        altered(cache, declared)
        assert said() == []
        assert said(["default"]) == expected
        assert [each.id for each in run_checks(databases=["default"]) if "cachedemo.E01" in str(each.id)] == expected


@postgresql_only
def test_what_the_column_has_in_postgresql_is_looked_at_if_the_database_is_named() -> None:
    loose = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    with connection.cursor() as cursor:
        cursor.execute(loose)
    try:
        with made(key(db_collation="loose")):
            assert said() == [], "only the database knows what is behind a name"
            assert said(["default"]) == ["cachedemo.E011"]
        with made(key()) as cache:
            assert said(["default"]) == []
            altered(cache, "char(20)")
            assert said(["default"]) == ["cachedemo.E011"]
            altered(cache, 'varchar(20) COLLATE "C"')
            assert said(["default"]) == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP COLLATION loose")


@pytest.mark.parametrize(
    ("vendor", "collation", "is_loose"),
    [
        ("mysql", "utf8mb4_0900_ai_ci", True),
        ("mysql", "utf8mb4_general_ci", True),
        ("mysql", "utf8mb4_bin", True),  # pads with spaces
        ("mysql", "utf8mb4_0900_bin", False),
        ("mysql", "utf8mb4_nopad_bin", False),
        ("oracle", "BINARY_CI", True),
        ("oracle", "BINARY", False),
        ("postgresql", "anything", False),
    ],
)
def test_names_that_say_it_themselves(vendor: str, collation: str, is_loose: bool) -> None:
    assert key_collations._is_loose(vendor, collation) == is_loose


def test_what_mysql_has_is_asked_of_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    with made(key()) as cache:
        monkeypatch.setattr(key_collations, "_asked", lambda *_: [("utf8mb4_0900_ai_ci",)])
        assert key_collations._in_mysql(cache.table, cache.table.codec.pk) == "utf8mb4_0900_ai_ci"
        monkeypatch.setattr(key_collations, "_asked", lambda *_: [("utf8mb4_0900_bin",)])
        assert key_collations._in_mysql(cache.table, cache.table.codec.pk) is None


def test_a_table_that_is_not_there_yet_is_no_mistake() -> None:
    with made(key()) as cache:
        with connection.schema_editor() as editor:
            editor.delete_model(cache.model)
        assert said(["default"]) == []
        with connection.schema_editor() as editor:
            editor.create_model(cache.model)


@sqlite_only
@pytest.mark.parametrize(("digits", "expected"), [(15, []), (16, ["cachedemo.W010"])])
def test_a_decimal_key_longer_than_sqlite_keeps_is_warned_of(digits: int, expected: list[str]) -> None:
    columns = {"key": models.DecimalField(primary_key=True, max_digits=digits, decimal_places=2)}
    with made({**columns, "title": models.TextField()}):
        assert said() == expected


def test_the_demo_has_no_such_key() -> None:
    from users.models import User

    assert cache_for(User).table.codec.keys.are_texts is False
    assert said(["default"]) == []
