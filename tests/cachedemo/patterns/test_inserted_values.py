"""What a field's own `pre_save` makes while a row is inserted: reads show it, or nothing is written."""

from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import models

from tests.cachedemo.made_models import made


class Shout(models.CharField):
    """Makes its value of another field, and leaves the instance as it was."""

    asked = 0

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        Shout.asked += 1
        return model_instance.title.upper()


class Even(models.CharField):
    """Cannot be read where it has an odd number of characters; it is made as long as the title."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is not None and len(value) % 2:
            raise ValueError("odd")
        return value

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        return "x" * len(model_instance.title)


COLUMNS: dict[str, Callable[[], Any]] = {
    "title": lambda: models.CharField(max_length=9),
    "shout": lambda: Shout(max_length=9, default="odd"),
    "even": lambda: Even(max_length=9, default="odd"),
}
WAYS: dict[str, Callable[[Any, str], Any]] = {
    "create": lambda cache, title: cache.create(title=title),
    "write-through": lambda cache, title: cache.via("write-through").create(title=title),
    "create_many": lambda cache, title: cache.create_many([{"title": "even"}, {"title": title}]),
    "save": lambda cache, title: cache.model(title=title).save(),
    "objects": lambda cache, title: cache.model.objects.create(title=title),
    "base": lambda cache, title: cache.model._base_manager.create(title=title),
    "bulk_create": lambda cache, title: cache.model.objects.bulk_create(
        [cache.model(title="even"), cache.model(title=title)], batch_size=1
    ),
}


@pytest.fixture
def cache(transactional_db: None) -> Iterator[Any]:
    with made({name: make() for name, make in COLUMNS.items()}) as cache:
        yield cache


@pytest.mark.parametrize("way", WAYS)
def test_reads_show_what_was_made_and_nobody_but_django_asks_for_it(cache: Any, way: str) -> None:
    Shout.asked = 0
    WAYS[way](cache, "ab")
    rows = list(cache.model.objects.order_by("pk"))
    looks_for_expressions = django.VERSION >= (6, 0) and way not in ("bulk_create", "create_many")
    assert Shout.asked == len(rows) * (2 if looks_for_expressions else 1)
    assert (rows[-1].shout, rows[-1].even) == ("AB", "xx")
    for _ in range(2):
        assert [(row.shout, row.even) for row in cache.get_many(row.pk for row in rows).values()] == [
            (row.shout, row.even) for row in rows
        ]


@pytest.mark.parametrize("way", WAYS)
def test_what_no_read_could_show_is_refused_before_a_row_is_there(cache: Any, way: str) -> None:
    with pytest.raises(ValidationError, match="even"):
        WAYS[way](cache, "abc")
    assert not cache.model.objects.exists()
    cache.create(title="even")  # the refusal has left nothing behind that others wait for


def test_what_is_loaded_raw_is_looked_at_as_it_is(cache: Any) -> None:
    def loaded(even: str) -> Any:
        fields = {"title": "abc", "shout": "s", "even": even}
        (found,) = serializers.deserialize("python", [{"model": cache.model._meta.label, "fields": fields}])
        return found

    with pytest.raises(ValidationError, match="even"):
        loaded("odd").save()
    loaded("even").save()
    assert cache.get(cache.model.objects.get().pk).shout == "s"


@pytest.mark.parametrize("way", ["save", "bulk_create"])
def test_what_was_made_counts_as_seen_by_the_instance(transactional_db: None, way: str) -> None:
    with made({name: make() for name, make in COLUMNS.items()}, stale_saves="refuse") as cache:
        instance = cache.model(title="ab")
        instance.save() if way == "save" else cache.model.objects.bulk_create([instance])
        row = instance if instance.pk else cache.model.objects.get()  # MySQL tells no keys
        row.title = "abcd"
        row.save()
        assert cache.get(row.pk).shout == "ABCD"
