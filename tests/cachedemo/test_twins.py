"""What projects do with a model, done with a registered one and with one that is not: rows, results and errors agree.

After each step reads of the cache show what the other model's rows are, whatever waits, and at the end so are the rows.
"""

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import Error, connection, models, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat

import cachedemo
from cachedemo import Pattern, cache_for
from cachedemo.managers import CachedManager
from cachedemo.models import Stamped
from tests.cachedemo.made_models import a_class
from tests.cachedemo.test_cascades import new_models

KEYS = ("a", "b", "c d")
SLUGS = ("x", "X", "y")
SHOWN = ("code", "slug", "title", "size", "data", "parent_id")


def columns(name: str) -> dict[str, Any]:
    return {
        "code": models.CharField(max_length=9, primary_key=True, db_column="The Code"),
        "slug": models.SlugField(unique=True, null=True, blank=True),
        "title": models.CharField(max_length=30, default="t"),
        "size": models.IntegerField(default=0),
        "data": models.JSONField(default=list),
        "parent": models.ForeignKey(f"notes.{name}", models.SET_NULL, null=True, blank=True),
    }


PICKS = 3 * 4 * 3 * 3


class Twin:
    """One of the two models, and what is done with it; `pick` decides with which values, and is the same for both."""

    def __init__(self, model: Any, pick: int = 0, step: int = 0) -> None:
        self.model, self.rows = model, model.objects
        self.cache = cache_for(model) if issubclass(model, Stamped) else None
        self.key = KEYS[pick % 3]
        self.number = pick // 3 % 4
        self.pattern = list(Pattern)[pick // 12 % 3]
        self.way = pick // 36 % 3
        self.new = step  # what is loaded from the database lacks what waits: a change is one only if it is new

    def one(self) -> Any:
        return self.rows.get(pk=self.key)

    def values(self) -> dict[str, Any]:
        ways = (
            {"title": f"t{self.new}"},
            {"size": self.new},
            {"slug": SLUGS[self.way], "title": f"s{self.new}"},
            {"data": [self.new]},
        )
        return ways[self.number]


def change(instance: Any, values: dict[str, Any]) -> Any:
    for name, value in values.items():
        setattr(instance, name, value)
    return instance


def insert(twin: Twin) -> None:
    twin.model(code=twin.key, parent=twin.rows.order_by("pk").first(), **twin.values()).save()


def save(twin: Twin) -> None:
    change(twin.one(), twin.values()).save()


def save_what_the_cache_returns(twin: Twin) -> None:
    change(twin.cache.get(twin.key) if twin.cache else twin.one(), twin.values()).save()


def save_by_name(twin: Twin) -> None:
    instance = change(twin.one(), {"title": "not saved", **twin.values()})
    instance.save(update_fields=list(twin.values()))


def save_an_expression(twin: Twin) -> Any:
    instance = change(twin.one(), {"size": F("size") * 2 + 1, "title": Concat("title", Value("!"))})
    instance.save()
    instance.refresh_from_db()
    return instance.size, instance.title


def save_a_copy_of_an_instance(twin: Twin) -> None:
    copied: Callable[[Any], Any] = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))][twin.way]
    change(copied(twin.one()), twin.values()).save()


def save_after_a_rollback(twin: Twin) -> None:
    instance = twin.one()
    with transaction.atomic():
        change(instance, twin.values()).save()
        transaction.set_rollback(True)
    instance.save()


def save_another_row(twin: Twin) -> None:
    flush(twin)  # a copy writes all that it was loaded with, from the database
    instance = change(twin.one(), {"pk": KEYS[twin.way], "slug": None})
    instance._state.adding = True
    instance.save()


def save_deferred(twin: Twin) -> None:
    change(twin.rows.only("size").get(pk=twin.key), twin.values()).save()


def update_rows(twin: Twin) -> int:
    flush(twin)  # a filter sees the database, not what waits
    cases = Case(When(title="t", then=F("size") + 1), default=Value(twin.number))
    found: int = twin.rows.filter(size__lt=30).update(size=cases, data=[twin.number])
    return found


def bulk_update(twin: Twin) -> int:
    found = [change(each, {"size": F("size") + 1, "title": "b"}) for each in twin.rows.filter(pk__in=KEYS[:2])]
    changed: int = twin.rows.bulk_update(found, ["size", "title"])
    return changed


def upsert(twin: Twin) -> None:
    new = [twin.model(code=key, **twin.values() | {"slug": None}) for key in KEYS[: twin.way + 1]]
    how: Any = {"update_conflicts": True, "unique_fields": ["code"], "update_fields": ["title", "size"]}
    twin.rows.bulk_create(new, **how if twin.pattern == Pattern.WRITE_BEHIND else {"ignore_conflicts": True})


def update_or_create(twin: Twin) -> bool:
    made: bool = twin.rows.update_or_create(pk=twin.key, defaults=twin.values(), create_defaults={"title": "c"})[1]
    return made


def swap(twin: Twin) -> None:
    with transaction.atomic():
        one, other = twin.rows.order_by("pk")[:2]
        slugs = one.slug, other.slug
        change(one, {"slug": None}).save()
        change(other, {"slug": slugs[0]}).save()
        change(one, {"slug": slugs[1]}).save()


def delete(twin: Twin) -> None:
    twin.one().delete()


def delete_rows(twin: Twin) -> int:
    flush(twin)
    deleted: int = twin.rows.filter(size__gt=twin.number * 20).delete()[0]
    return deleted


def write(twin: Twin) -> None:
    if twin.cache:
        twin.cache.via(twin.pattern).update(twin.key, **twin.values())
    else:
        twin.one()
        twin.rows.filter(pk=twin.key).update(**twin.values())


def increment(twin: Twin) -> None:
    if twin.cache:
        twin.cache.via(twin.pattern).increment(twin.key, size=twin.number - twin.way)
    else:
        twin.one()
        twin.rows.filter(pk=twin.key).update(size=F("size") + twin.number - twin.way)


def write_behind(twin: Twin) -> None:
    values = {"size": twin.new} if twin.way else {"title": f"w{twin.new}"}
    if twin.cache:
        twin.cache.via("write-behind").update(twin.key, **values)
    else:
        twin.one()
        twin.rows.filter(pk=twin.key).update(**values)


def look_up(twin: Twin) -> str:
    slug = SLUGS[twin.way]
    code: str = (twin.cache.get_by(slug=slug) if twin.cache else twin.rows.get(slug=slug)).code
    return code


def flush(twin: Twin) -> None:
    if twin.cache:
        twin.cache.drain(timeout=5)


STEPS = [
    *(insert, save, save_what_the_cache_returns, save_by_name, save_an_expression, save_a_copy_of_an_instance),
    *(save_after_a_rollback, save_another_row, save_deferred, update_rows, bulk_update, upsert, update_or_create),
    *(swap, delete, delete_rows, look_up, flush, insert, increment, write, *[write_behind] * 6),
]


def outcome(step: Callable[[Twin], Any], twin: Twin) -> Any:
    try:
        return step(twin)
    except (Error, ObjectDoesNotExist, ValidationError, ValueError) as error:
        return type(error).__name__


def rows_of(model: Any) -> dict[str, tuple[Any, ...]]:
    return {row.pk: tuple(getattr(row, name) for name in SHOWN) for row in model.objects.all()}


@pytest.fixture
def twins(transactional_db: None) -> Iterator[tuple[Any, Any]]:
    with new_models() as made:
        cached = a_class("Cached", {**columns("Cached"), "objects": CachedManager()})
        plain = a_class("Plain", columns("Plain"), models.Model)
        made += [cached, plain]
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        cachedemo.register(cached)(
            type("CachedCache", (cachedemo.ModelCache,), {"fields": "__all__", "lookups": ["slug"]})
        )
        yield cached, plain


@pytest.mark.parametrize("seed", range(6))
def test_a_registered_model_does_what_any_other_does(twins: tuple[Any, Any], seed: int) -> None:
    cached, plain = twins
    drawn = random.Random(seed)
    for number in range(60):
        step, pick = drawn.choice(STEPS), drawn.randrange(PICKS)
        assert outcome(step, Twin(cached, pick, number)) == outcome(step, Twin(plain, pick, number)), step
        seen = cache_for(cached).get_many(KEYS)
        assert {pk: tuple(getattr(row, name) for name in SHOWN) for pk, row in seen.items()} == rows_of(plain), step
    flush(Twin(cached))
    assert rows_of(cached) == rows_of(plain)
