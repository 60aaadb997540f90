"""A constraint that write-behind cannot see is told before anything is acknowledged that it refuses."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from cachedemo import checks
from tests.cachedemo.made_models import made

pytestmark = pytest.mark.django_db(transaction=True)


def constrained(condition: Any, *, pattern: str = "write-behind", **columns: Any) -> Any:
    fields = {"stock": models.IntegerField(default=0), "sold": models.IntegerField(default=0), **columns}
    constraint = models.CheckConstraint(condition=condition, name="enough")
    return made(fields, meta={"constraints": [constraint]}, pattern=pattern)


@pytest.mark.parametrize(
    ("condition", "proposed"),
    [
        (Q(stock__gte=0), "increment(…, min=0)"),
        (Q(stock__gt=0) & Q(stock__lt=100), "increment(…, min=1, max=99)"),
        (Q(stock__gte=0) | Q(stock=-9), "increment(…, min or max)"),
        (~Q(stock__lt=0), "increment(…, min or max)"),
        (Q(stock__gte=models.Value(0)), "increment(…, min or max)"),
    ],
)
def test_a_counter_under_a_constraint_is_named_with_the_limits_that_say_the_same(condition: Q, proposed: str) -> None:
    with constrained(condition):
        [warning] = [message for message in run_checks() if message.id == "cachedemo.W034"]
        assert warning.msg.startswith("notes.Made.stock is written behind")
        assert "'enough'" in warning.msg
        assert "validators" in str(warning.hint)
        assert proposed in str(warning.hint)


def test_a_decimal_may_come_as_near_to_a_bound_as_it_likes() -> None:
    balance = models.DecimalField(max_digits=9, decimal_places=2, default=0)
    with constrained(Q(balance__gt=0), balance=balance):
        [warning] = checks.check_constraints()
        assert "increment(…, min=0)" in str(warning.hint)


def test_a_constraint_on_several_fields_is_told_of_each() -> None:
    with constrained(Q(sold__lte=F("stock"))):
        found = checks.check_constraints()
        assert [message.msg.partition(" ")[0] for message in found] == ["notes.Made.stock", "notes.Made.sold"]
        assert all("via('write-through')" in str(message.hint) for message in found)


def test_a_field_that_says_it_itself_is_named_no_more_and_refuses_at_once() -> None:
    with constrained(Q(stock__gte=0), stock=models.IntegerField(default=0, validators=[MinValueValidator(0)])) as cache:
        assert checks.check_constraints() == []
        row = cache.create(stock=1)
        with pytest.raises(ValidationError, match="greater than or equal to 0"):
            cache.increment(row.pk, stock=-2)
        assert cache.table.queue.depth() == 0


@pytest.mark.parametrize("pattern", ["write-through", "cache-aside"])
def test_where_the_database_is_written_at_once_nothing_is_to_be_told(pattern: str) -> None:
    with constrained(Q(stock__gte=0), pattern=pattern):
        assert checks.check_constraints() == []
