"""A method of a registered model or of its managers that writes by SQL of its own is told, and no other one is."""

from typing import Any

import pytest
from django.db import connection, models

from cachedemo import checks
from cachedemo.managers import CachedManager
from cachedemo.models import Stamped
from tests.cachedemo.made_models import a_class, made

pytestmark = pytest.mark.django_db(transaction=True)


def statement(table: str) -> str:
    return f"UPDATE {table} SET title = %s"


class Handler:
    """What the method names, in the same package."""

    def __init__(self, table: str) -> None:
        self.table = table

    def run(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement(self.table), ["moved"])


class Moving(CachedManager):
    def move(self) -> None:
        Handler(self.model._meta.db_table).run()


class OfAnother(CachedManager):
    """Writes another table, and reads this one."""

    def log(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO notes_log (at) VALUES (1)")
            cursor.execute("SELECT count(*) FROM notes_made")
            return int(cursor.fetchone()[0])


class OnlySays(CachedManager):
    def explain(self) -> str:
        """UPDATE the rows, it says."""
        return "UPDATE is done by the others"


class Tree(Stamped):
    class Meta:
        abstract = True

    @classmethod
    def rebuild(cls) -> None:
        def send(sql: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(sql)

        send("update notes_made set title = 'rebuilt'")


def said(objects: Any = None, base: Any = Stamped) -> list[str]:
    columns = {"title": models.CharField(max_length=9, default="t")} | ({"objects": objects} if objects else {})
    with made(columns, base) as cache:
        a_class("Proxy", {}, cache.model, proxy=True)
        return [message.msg for message in checks.check_own_sql()]


@pytest.mark.parametrize(
    ("objects", "base", "named"),
    [(Moving(), Stamped, "test_own_sql.statement"), (None, Tree, "test_own_sql.Tree.rebuild")],
)
def test_such_a_method_is_told_once_by_its_name(objects: Any, base: Any, named: str) -> None:
    [message] = said(objects, base)
    assert message.startswith("notes.Made has methods that write by SQL of their own (")
    assert named in message


@pytest.mark.parametrize("objects", [None, CachedManager(), OfAnother(), OnlySays()])
def test_another_one_is_not(objects: Any) -> None:
    assert said(objects) == []


def test_what_the_check_warns_of_is_what_happens_and_the_hint_mends_it() -> None:
    with made({"title": models.CharField(max_length=9), "objects": Moving()}) as cache:
        pk = cache.create(title="old").pk
        cache.warm([pk])
        cache.model.objects.move()
        assert cache.get(pk).title == "old"
        cache.evict(cache.model.objects.values_list("pk", flat=True))
        assert cache.get(pk).title == "moved"
