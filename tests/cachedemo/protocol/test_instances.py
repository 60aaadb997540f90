"""An instance that a hit makes without `Model.__init__` is what `from_db` would have made."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.models.signals import post_init, pre_init

from cachedemo import cache_for
from cachedemo.models import Stamped
from tests.cachedemo.made_models import made
from tests.notes.models import Note, Paper, Shelf
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = {
    "title": lambda: models.CharField(max_length=20, default="t"),
    "tags": lambda: models.JSONField(default=list),
    "file": lambda: models.FileField(default="a.txt"),
    "owner": lambda: models.ForeignKey("users.User", models.CASCADE, null=True),
    "at": lambda: models.DateTimeField(null=True),
}


def columns() -> dict[str, Any]:
    return {name: make() for name, make in COLUMNS.items()}


@pytest.fixture
def without_init(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Count the calls of `from_db` meanwhile."""
    called: list[Any] = []
    plain = models.Model.from_db.__func__  # type: ignore[attr-defined]

    def from_db(cls: Any, *args: Any, **options: Any) -> Any:
        called.append(cls)
        return plain(cls, *args, **options)

    monkeypatch.setattr(models.Model, "from_db", classmethod(from_db))
    return called


def everything(instance: Any) -> dict[str, Any]:
    state = dict(vars(instance))
    # By attribute: Django 6.1 keeps how it fetches only once somebody asks.
    named = [name for name in dir(state["_state"]) if not name.startswith("__")]
    return {**state, "_state": {name: getattr(state["_state"], name) for name in named}}


def test_a_hit_is_what_from_db_makes_of_the_row(without_init: list[Any]) -> None:
    with made(columns()) as cache:
        pk = cache.create(title="one", tags=["a"]).pk
        by_django = cache.model.objects.get(pk=pk)
        without_init.clear()
        cache.get(pk)
        hit = cache.get(pk)
        assert not without_init
        assert everything(hit) == everything(by_django)
        assert hit == by_django
        assert hit.file.name == "a.txt"
        assert hit.owner is None


def test_many_hits_are_too(without_init: list[Any]) -> None:
    with made(columns()) as cache:
        pks = [cache.create(title=f"{n}").pk for n in range(3)]
        by_django = cache.model.objects.in_bulk(pks)
        cache.warm(pks)
        without_init.clear()
        hits = cache.get_many(pks)
        assert not without_init
        assert {pk: everything(hit) for pk, hit in hits.items()} == {
            pk: everything(row) for pk, row in by_django.items()
        }


def test_a_column_that_is_not_cached_is_deferred() -> None:
    with made(columns(), fields=["title"]) as cache:
        pk = cache.create(title="one").pk
        cache.get(pk)
        hit = cache.get(pk)
        assert hit.get_deferred_fields() == {"tags", "file", "owner_id", "at"}
        assert hit.file.name == "a.txt"


def test_a_change_in_place_is_saved() -> None:
    with made(columns()) as cache:
        pk = cache.create(tags=["a"]).pk
        cache.get(pk)
        hit = cache.get(pk)
        hit.tags.append("b")
        hit.save()
        assert cache.model.objects.get(pk=pk).tags == ["a", "b"]


@pytest.mark.parametrize("signal", [pre_init, post_init])
def test_who_listens_is_told_of_each_instance(signal: Any) -> None:
    with made(columns()) as cache:
        pk = cache.create(title="one").pk
        cache.get(pk)
        told: list[Any] = []

        def listen(sender: Any, **_: Any) -> None:
            told.append(sender)

        cache.get(pk)
        signal.connect(listen, sender=cache.model)
        try:
            cache.get(pk)
            assert told == [cache.model]
        finally:
            signal.disconnect(listen, sender=cache.model)
        cache.get(pk)
        assert told == [cache.model]


class Upper:
    """A data descriptor of a project's own, as libraries put on a class to watch a field."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__["title"] = value.upper()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__["title"]


class Watched(models.CharField):
    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, Upper())


def own_init(self: Any, *args: Any, **kwargs: Any) -> None:
    models.Model.__init__(self, *args, **kwargs)
    self.noted = self.title.upper()


def own_setattr(self: Any, name: str, value: Any) -> None:
    object.__setattr__(self, name, value)
    if name == "title":
        object.__setattr__(self, "noted", value.upper())


def own_from_db(cls: Any, db: Any, names: Any, values: Any, **options: Any) -> Any:
    instance = models.Model.from_db.__func__(cls, db, names, values, **options)  # type: ignore[attr-defined]
    instance.noted = instance.title.upper()
    return instance


@pytest.mark.parametrize(
    "own", [{"__init__": own_init}, {"__setattr__": own_setattr}, {"from_db": classmethod(own_from_db)}]
)
def test_what_a_model_does_of_its_own_is_done(own: dict[str, Any]) -> None:
    base = type("Base", (Stamped,), {"__module__": __name__, "Meta": type("Meta", (), {"abstract": True}), **own})
    with made({"title": models.CharField(max_length=20)}, base) as cache:
        pk = cache.create(title="one").pk
        cache.get(pk)
        assert cache.get(pk).noted == "ONE"
        assert cache.get_many([pk])[pk].noted == "ONE"


def test_a_descriptor_of_its_own_is_told_of_the_value() -> None:
    with made({"title": Watched(max_length=20)}) as cache:
        pk = cache.create(title="one").pk
        cache.model.objects.filter(pk=pk).update(title="two")
        cache.get(pk)
        assert cache.get(pk).title == "TWO"


def test_what_a_deferred_field_costs_is_counted(people: Any, django_assert_num_queries: Any) -> None:
    """The numbers of docs/installing.md."""
    notes = cache_for(Note)
    pks = [notes.create(title=f"t{number}", body="b", secret="s", owner_id=1).pk for number in range(10)]
    notes.warm(pks)
    with django_assert_num_queries(0):
        rows = notes.get_many(pks).values()
        assert {(row.title, row.body, row.size) for row in rows} == {(f"t{number}", "b", 0) for number in range(10)}
    with django_assert_num_queries(10):
        assert {row.secret for row in rows} == {"s"}
    with django_assert_num_queries(0):
        assert {row.secret for row in rows} == {"s"}, "once it is there, it stays"
    with django_assert_num_queries(1):
        secrets = dict(Note.objects.filter(pk__in=pks).values_list("pk", "secret"))
        assert {secrets[pk] for pk in pks} == {"s"}


def test_what_a_related_instance_costs_is_counted(people: Any, django_assert_num_queries: Any) -> None:
    shelf, papers = Shelf.objects.create(name="first"), cache_for(Paper)
    pks = [papers.create(title="t", nulled=shelf).pk for _ in range(10)]
    papers.warm(pks)
    rows = papers.get_many(pks).values()
    with django_assert_num_queries(0):
        assert {row.nulled_id for row in rows} == {shelf.pk}
    with django_assert_num_queries(10):
        assert {row.nulled.name for row in rows} == {"first"}
    cache_for(User).warm([1, 2, 3])
    with django_assert_num_queries(0):
        assert len(cache_for(User).get_many([1, 2, 3])) == 3
