"""Whatever is passed for a field, it is taken or it is a ValidationError that names the field."""

import datetime
import decimal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, models

from tests.cachedemo.made_models import made

CHOICES = [("a", "A")]
FIELDS: dict[str, Callable[..., Any]] = {
    "whole": models.IntegerField,
    "flag": models.BooleanField,
    "text": lambda **o: models.CharField(max_length=9, **o),
    "day": models.DateField,
    "moment": models.DateTimeField,
    "time": models.TimeField,
    "took": models.DurationField,
    "price": lambda **o: models.DecimalField(max_digits=6, decimal_places=2, **o),
    "ratio": models.FloatField,
    "uuid": models.UUIDField,
    "data": models.JSONField,
    "address": models.GenericIPAddressField,
    "file": models.FileField,
    "path": lambda **o: models.FilePathField(path="/tmp", **o),
    "pick": lambda **o: models.CharField(max_length=5, choices=CHOICES, **o),
}


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


ODD = [
    *(object(), Unprintable(), 5, float("nan"), True, "", "x", "\0", b"\xff", [1], endless(), {"a": object()}, {1}),
    *(datetime.date(1, 1, 1), datetime.timedelta.max, datetime.time(1, tzinfo=datetime.UTC), decimal.Decimal("sNaN")),
]


@pytest.fixture
def cache(transactional_db: None) -> Iterator[Any]:
    with made({name: make(null=True, blank=True) for name, make in FIELDS.items()}) as cache:
        yield cache


def refused_for(write: Callable[..., Any], name: str, value: Any) -> set[str]:
    """Return the fields that are blamed; none if the value is taken."""
    try:
        write(name, value)
    except ValidationError as error:
        return set(error.error_dict)
    except DataError:  # MariaDB does not say which
        return {name}
    return set()


@pytest.mark.filterwarnings("ignore:.*received a naive datetime")
def test_a_value_of_any_type_is_taken_or_refused_by_the_name_of_its_field(cache: Any) -> None:
    pk = cache.create(whole=7).pk
    ways: dict[str, Callable[..., Any]] = {
        "update": lambda name, value: cache.update(pk, **{name: value}),
        "behind": lambda name, value: cache.via("write-behind").update(pk, **{name: value}),
        "create": lambda name, value: cache.create(**{name: value}),
    }
    for name in FIELDS:
        for value in ODD:
            blamed = {way: refused_for(write, name, value) for way, write in ways.items()}
            assert all(fields <= {name} for fields in blamed.values()), (name, type(value), blamed)
    seen = {key: vars(row) for key, row in cache.get_many([pk]).items()}
    cache.drain(timeout=5)
    cache.evict([pk])
    assert {name: seen[pk][name] for name in FIELDS} == {name: vars(cache.get(pk))[name] for name in FIELDS}


def test_a_path_is_its_text(cache: Any) -> None:
    row = cache.create(file="a/b.txt", path=Path("/tmp/c"))
    assert (row.file.name, row.path) == ("a/b.txt", "/tmp/c")
    assert cache.update(row.pk, path=Path("/tmp/d")).path == "/tmp/d"


def test_what_a_models_own_clean_fields_raises_passes(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def clean_fields(self: Any, exclude: Any = None) -> None:
        raise LookupError("its own mistake")

    monkeypatch.setattr(cache.model, "clean_fields", clean_fields, raising=False)
    with pytest.raises(LookupError, match="its own"):
        cache.create(whole=1)
