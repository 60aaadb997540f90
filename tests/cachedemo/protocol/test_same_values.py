"""Which values are the same for the database."""

import decimal
from typing import Any

import pytest
from django.db import models

from cachedemo.protocol.values import unchanged

NAN = float("nan")


class AnyCase(str):
    """A string that ignores case when it is compared, as a project may have one."""

    def __eq__(self, other: object) -> bool:
        return self.lower() == str(other).lower()

    __hash__ = str.__hash__


class Unit:
    """A value that compares by what it measures, and is stored by its name."""

    def __init__(self, name: str, factor: int) -> None:
        self.name, self.factor = name, factor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit) and self.factor == other.factor

    __hash__ = None  # type: ignore[assignment]


class UnitField(models.CharField):
    def get_prep_value(self, value: Any) -> Any:
        return value.name


class Amount:
    """What a descriptor shows of a column, and equal to nothing else."""

    def __init__(self, number: Any) -> None:
        self.number = number


class AmountField(models.DecimalField):
    def to_python(self, value: Any) -> Any:
        return super().to_python(value.number if isinstance(value, Amount) else value)


@pytest.mark.parametrize(
    ("field", "one", "other", "same"),
    [
        (models.CharField(), AnyCase("a"), AnyCase("A"), False),
        (models.CharField(), AnyCase("a"), "A", False),
        (models.CharField(), AnyCase("a"), "a", True),
        (models.FloatField(), 0.0, -0.0, False),
        (models.FloatField(), 0.5, 0.5, True),
        (models.FloatField(), NAN, float("nan"), True),
        (models.FloatField(), NAN, 0.5, False),
        (models.JSONField(), {"a": [NAN]}, {"a": [float("nan")]}, True),
        (models.DecimalField(), decimal.Decimal("NaN"), decimal.Decimal("NaN"), True),
        (models.DecimalField(), decimal.Decimal("sNaN"), decimal.Decimal("1"), False),
        (models.DecimalField(), decimal.Decimal("1.0"), decimal.Decimal("1.00"), True),
        (models.JSONField(), {"a": [0.0, "b"]}, {"a": [-0.0, "b"]}, False),
        (UnitField(), Unit("km", 1000), Unit("kilometre", 1000), False),
        (UnitField(), Unit("km", 1000), Unit("km", 1000), True),
        (UnitField(), Unit("km", 1000), None, False),
        (AmountField(), decimal.Decimal("3.00"), Amount("3"), True),
        (AmountField(), Amount("3"), decimal.Decimal("4"), False),
        (AmountField(), None, Amount(None), True),
    ],
)
def test_what_python_calls_equal_may_differ_in_the_database(field: Any, one: Any, other: Any, same: bool) -> None:
    assert unchanged(field, one, other) is same
