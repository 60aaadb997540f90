"""What cannot work is refused when it is registered, by name and with the fix."""

from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models

import cachedemo
from cachedemo import registry
from cachedemo.models import Stamped
from tests.cachedemo.made_models import a_class, made
from tests.cachedemo.test_cascades import new_models
from tests.notes.models import Draft, Essay, Note


def refused(model: Any, words: str, error: type[Exception] = ImproperlyConfigured, **options: Any) -> None:
    before = registry.registered()
    with pytest.raises(error, match=words):
        cachedemo.register(model)(type("Odd", (cachedemo.ModelCache,), {"fields": ["title"], "name": "odd", **options}))
    assert registry.registered() == before


def test_a_model_whose_rows_cannot_be_cached_is_refused(transactional_db: None) -> None:
    refused(Draft, r"notes\.Draft cannot be registered: it is a proxy: register notes\.Note")
    refused(Essay, r"notes\.Essay cannot be registered: its rows are in two tables.* register notes\.Note")
    refused(Stamped, "Stamped cannot be registered: it is abstract")
    with new_models():
        columns = {"pk": models.CompositePrimaryKey("a", "b"), "a": models.IntegerField(), "b": models.IntegerField()}
        refused(a_class("Pair", columns), r"notes\.Pair .*CompositePrimaryKey.*make \(a, b\) a UniqueConstraint")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (models.BinaryField(), r"notes\.Odd\.title, a BinaryField, cannot be cached: .* codecs"),
        (models.ManyToManyField(Note), r"notes\.Odd\.title is no column"),
        (
            models.GeneratedField(expression=models.F("id"), output_field=models.BinaryField(), db_persist=True),
            r"notes\.Odd\.title, a GeneratedField, cannot be cached",
        ),
    ],
)
def test_a_field_that_cannot_be_cached_is_refused_with_the_fix(transactional_db: None, column: Any, words: str) -> None:
    with new_models():
        refused(a_class("Odd", {"title": column}), words, FieldDoesNotExist)


def test_a_name_in_the_place_of_names_is_told_so() -> None:
    refused(Note, r"fields = 'title': a list of names", fields="title")


@pytest.mark.parametrize("codecs", [{"secret": (str, str)}, {"title": str}, {"title": (str,)}, {"title": (str, "x")}])
def test_codecs_are_two_functions_of_a_cached_field(codecs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_declared", {})
    refused(Note, "codecs = .*: the name of a cached field", codecs=codecs)


def test_all_fields_are_those_that_can_be_cached(transactional_db: None) -> None:
    columns = {
        "title": models.CharField(max_length=20),
        "owner": models.ForeignKey(Note, models.CASCADE, null=True),
        "raw": models.BinaryField(default=b""),
        "sealed": models.BinaryField(default=b""),
        "twice": models.GeneratedField(
            expression=models.F("size") * 2, output_field=models.IntegerField(), db_persist=True
        ),
        "size": models.IntegerField(default=1),
        "friends": models.ManyToManyField(Note, related_name="+"),
    }
    with made(columns, codecs={"sealed": (lambda value: bytes(value).hex(), bytes.fromhex)}) as cache:
        assert list(cache.table.codec.fields) == ["title", "owner_id", "sealed", "twice", "size"]
        row = cache.create(title="t", sealed=b"\xff", raw=b"\0")
        assert cache.get(row.pk).sealed == cache.get(row.pk).sealed == b"\xff"
        assert cache.get(row.pk).get_deferred_fields() == {"raw"}
