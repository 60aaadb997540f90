"""A project's own `from_db`: what it loads is remembered, as every other instance is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models

import cachedemo
from cachedemo import cache_for
from cachedemo.models import Stamped
from tests.cachedemo.test_cascades import new_models


class Mixin(models.Model):
    """Loads as Django's documentation shows it ("Customizing model loading"): without `super()`."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Any, values: Any, *, fetch_mode: Any = None, loaded_again: bool = True
    ) -> Any:
        if len(values) != len(cls._meta.concrete_fields):
            rest = list(reversed(values))
            values = [rest.pop() if f.attname in field_names else models.DEFERRED for f in cls._meta.concrete_fields]
        instance = cls(*values)
        instance._state.adding, instance._state.db = False, db
        instance.title = instance.title.upper()  # type: ignore[attr-defined]
        return instance


@pytest.fixture(params=["own", "inherited", "mixed in"])
def model(request: Any, transactional_db: None) -> Iterator[Any]:
    with new_models() as made:
        if request.param == "mixed in":

            class Loaded(Mixin, Stamped):  # type: ignore[misc]  # noqa: DJ008
                title = models.CharField(max_length=100)
                body = models.CharField(max_length=100)

                class Meta:
                    app_label = "notes"

        else:

            class Base(Stamped):
                title = models.CharField(max_length=100)
                body = models.CharField(max_length=100)
                from_db = Mixin.__dict__["from_db"]

                class Meta:
                    app_label = "notes"
                    abstract = True

            class Loaded(Base):  # type: ignore[no-redef]
                class Meta:
                    app_label = "notes"

                if request.param == "own":
                    from_db = Mixin.__dict__["from_db"]

        made.append(Loaded)
        with connection.schema_editor() as editor:
            editor.create_model(Loaded)
        cachedemo.register(Loaded)(
            type("LoadedCache", (cachedemo.ModelCache,), {"fields": ["title", "body"]})  # type: ignore[arg-type]
        )
        yield Loaded


@pytest.mark.parametrize("by_cache", [True, False])
def test_a_save_of_what_an_own_from_db_has_loaded_puts_nothing_back(model: Any, by_cache: bool) -> None:
    cache, pk = cache_for(model), model.objects.create(title="A", body="b0").pk
    loaded = cache.get(pk) if by_cache else model.objects.get(pk=pk)
    cache.via("write-behind").update(pk, title="acknowledged")
    loaded.body = "b1"
    loaded.save()
    assert model.objects.values("title", "body").get() == {"title": "acknowledged", "body": "b1"}


def test_what_an_own_from_db_makes_of_a_value_counts_as_a_change(model: Any) -> None:
    pk = model.objects.create(title="a", body="b0").pk
    model.objects.get(pk=pk).save()
    assert model.objects.filter(title="A").exists()
