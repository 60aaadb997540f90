"""Fields that are named as parameters of the API are: they work, or are refused by name."""

import asyncio
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import models

from tests.cachedemo.made_models import made

pytestmark = pytest.mark.django_db(transaction=True)

PATTERNS = ("cache-aside", "write-through", "write-behind")
NAMES = ["using", "select_related", "key", "timeout", "via", "call", "field", "values", "table", "rows", "deltas"]


def numbers(*names: str) -> dict[str, Any]:
    return {name: models.IntegerField(unique=True, null=True) for name in names}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_field_may_be_named_as_a_parameter_is(pattern: str) -> None:
    with made(numbers(*NAMES), lookups=NAMES) as cache:
        writer = cache.via(pattern)
        for number, name in enumerate(NAMES):
            pk = writer.create(**{name: 10 * number}).pk
            writer.update(pk, **{name: 10 * number + 1})
            writer.increment(pk, **{name: 1})
            asyncio.run(writer.aincrement(pk, **{name: 1}))
            assert getattr(asyncio.run(writer.aupdate(pk, **{name: 10 * number + 5})), name) == 10 * number + 5
            assert cache.get_by(**{name: 10 * number + 5}).pk == pk
            assert asyncio.run(cache.aget_by(**{name: 10 * number + 5})).pk == pk
            assert getattr(asyncio.run(writer.acreate(**{name: 10 * number + 6})), name) == 10 * number + 6


@pytest.mark.parametrize("pattern", PATTERNS)
def test_even_self_may_be_one(pattern: str) -> None:
    with made(numbers("self"), lookups=["self"]) as cache:
        pk = cache.model.objects.create().pk  # Model(self=1) is Django's own TypeError
        cache.via(pattern).update(pk, self=1)
        asyncio.run(cache.via(pattern).aincrement(pk, self=1))
        asyncio.run(cache.aupdate(pk, self=5))
        assert cache.get_by(self=5).pk == asyncio.run(cache.aget_by(self=5)).pk == pk
        assert cache.read_by(self=5).body == asyncio.run(cache.aread_by(self=5)).body


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ["min", "max"])
def test_a_limit_is_not_taken_for_an_increment_of_a_field_of_that_name(pattern: str, name: str) -> None:
    with made({name: models.IntegerField(default=0), "size": models.IntegerField(default=0)}) as cache:
        writer, pk = cache.via(pattern), cache.create().pk
        for given in ({name: 1}, {"size": 1, name: 1}):
            with pytest.raises(FieldError, match=rf"{name}= is a limit, and notes\.Made has a field of that name"):
                writer.increment(pk, **given)
            with pytest.raises(FieldError, match="a field of that name"):
                asyncio.run(writer.aincrement(pk, **given))
        shown = writer.increment(pk, {name: 1, "size": 1}, **{name: 1})
        assert (getattr(shown, name), shown.size) == (1, 1)
        assert writer.increment(pk, size=1).size == 2
