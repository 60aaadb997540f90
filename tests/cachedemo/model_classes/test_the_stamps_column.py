"""The column that cachedemo adds to a table, for those who write the table without knowing it."""

import pytest
from django.db import connection
from django.db.migrations.writer import MigrationWriter
from django.test.utils import CaptureQueriesContext

from cachedemo import cache_for
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_insert_that_does_not_name_the_stamp_is_taken() -> None:
    """So are those of the release before, which runs on while cachedemo is brought in, and of the one that drops it."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users_user (id, name, email, visits) VALUES (71, 'Al', 'al@example.com', 0)")
    assert User.objects.get(pk=71).cache_stamp == 0
    assert cache_for(User).update(71, name="Bo").name == "Bo"


def test_an_insert_of_djangos_asks_for_no_stamp() -> None:
    with CaptureQueriesContext(connection) as sent:
        User.objects.bulk_create([User(name="Al", email="al@example.com")])
        User(name="Bo", email="bo@example.com").save()
    inserts = [each["sql"] for each in sent if "INSERT INTO" in each["sql"]]
    assert len(inserts) == 2
    assert not [sql for sql in inserts if "cache_stamp" in sql.rpartition("RETURNING")[2] and "RETURNING" in sql]


def test_a_migration_with_the_stamp_needs_no_cachedemo() -> None:
    text, imports = MigrationWriter.serialize(User._meta.get_field("cache_stamp"))
    assert (text, imports) == (
        "models.BigIntegerField(db_default=0, default=0, editable=False)",
        {"from django.db import models"},
    )
