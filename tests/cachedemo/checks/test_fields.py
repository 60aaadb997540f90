"""A field none of whose values could be cached is told before anything is written."""

import ipaddress
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import models

from cachedemo import checks
from tests.cachedemo.made_models import made
from tests.cachedemo.protocol.test_every_field import LowerField, Mood, MoodField, PercentField, PointField
from tests.cachedemo.protocol.test_field_codecs import Pair, PairField, SealedField

pytestmark = pytest.mark.django_db(transaction=True)


class Words(list[str]):
    pass


class WordsField(models.TextField):
    """An object from the database, and no word about how it becomes a text, but for its own `get_db_prep_value`."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else Words(value.split())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else " ".join(value)


class LevelField(models.IntegerField):
    """What is written is an object, and what is read a number: the type of a value is lost."""

    class Level(int):
        pass

    def to_python(self, value: Any) -> Any:
        return None if value is None else self.Level(value)


class NetField(models.Field):
    """A type that only its database knows, whose default alone tells what its values are."""

    def db_type(self, connection: Any) -> str:
        return "cidr"


class ChosenField(models.Field):
    def db_type(self, connection: Any) -> str:
        return "macaddr"


class BrokenField(models.CharField):
    """It cannot be asked without what a request brings along."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        raise LookupError


class OldField(NetField):
    """Written for another Django."""

    @property
    def flatchoices(self) -> Any:
        raise AttributeError


NET = ipaddress.ip_network("10.0.0.0/8")


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (PairField(null=True), "Pair"),
        (WordsField(), "Words"),
        (LevelField(), "Level"),
        (NetField(default=NET), "IPv4Network"),
        (ChosenField(choices=[(Mood.GOOD, "good"), (Mood.BAD, "bad")]), "Mood"),
    ],
)
def test_a_field_none_of_whose_values_leads_back_is_an_error(field: Any, kind: str) -> None:
    with made({"title": models.CharField(max_length=9), "odd": field}):
        [error] = [message for message in run_checks() if message.id == "cachedemo.E004"]
        assert error.msg.startswith("notes.Made.odd is registered")
        assert f"one of type {kind} does not" in error.msg
        assert "codecs = {'odd': (to_json, from_json)}" in str(error.hint)


@pytest.mark.parametrize(
    "field",
    [
        MoodField(max_length=1),
        PercentField(),
        LowerField(max_length=9),
        PointField(),
        SealedField(max_length=99),
        BrokenField(max_length=9),
        NetField(),
        OldField(),
        models.JSONField(default=dict),
        models.DateTimeField(),
    ],
    ids=lambda field: type(field).__name__,
)
def test_a_field_whose_values_lead_back_or_that_cannot_be_asked_is_none(field: Any) -> None:
    with made({"odd": field}):
        assert checks.check_fields() == []


def test_codecs_of_the_registration_are_tried_too() -> None:
    right = {"pair": (lambda pair: [pair.left, pair.right], lambda value: Pair(*value))}
    wrong = {"pair": (lambda pair: [pair.left, pair.right], lambda value: Pair(*value[::-1]))}
    with made({"pair": PairField()}, codecs=right):
        assert checks.check_fields() == []
    with made({"pair": PairField()}, codecs=wrong):
        assert [message.id for message in checks.check_fields()] == ["cachedemo.E004"]


def test_a_default_that_only_a_function_of_the_project_tells_is_not_asked_for() -> None:
    asked = []
    with made({"odd": NetField(default=lambda: asked.append(1))}):
        assert checks.check_fields() == []
    assert asked == []


@pytest.mark.skipif("not config.getoption('postgresql')", reason="PostgreSQL only")
@pytest.mark.parametrize(
    ("part", "said"),
    [(MoodField(max_length=1), []), (LevelField(), ["cachedemo.E004"]), (WordsField(), ["cachedemo.E004"])],
)
def test_an_array_is_what_its_parts_are(part: Any, said: list[str]) -> None:
    from django.contrib.postgres.fields import ArrayField

    with made({"odd": ArrayField(part, null=True)}):
        assert [message.id for message in checks.check_fields()] == said
