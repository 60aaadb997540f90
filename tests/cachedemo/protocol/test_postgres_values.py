"""Values of PostgreSQL's own fields: what it would refuse is refused before it waits, and what it has can be read."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models

from tests.cachedemo.made_models import made
from tests.cachedemo.protocol.test_every_field import PATTERNS, teach_hstore

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the fields are PostgreSQL's"),
]

NAIVE = datetime.datetime(2026, 1, 2)


def columns() -> dict[str, Any]:
    from django.contrib.postgres import fields

    teach_hstore()
    return {
        "store": fields.HStoreField(default=dict),
        "numbers": fields.IntegerRangeField(null=True),
        "large": fields.BigIntegerRangeField(null=True),
        "decimals": fields.DecimalRangeField(null=True),
        "moments": fields.DateTimeRangeField(null=True),
        "sizes": fields.ArrayField(models.IntegerField(), default=list),
        "texts": fields.ArrayField(models.CharField(max_length=20), default=list),
        "price": models.DecimalField(max_digits=9, decimal_places=2, default=1),
    }


def ranges() -> tuple[Any, Any]:
    from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

    return NumericRange, DateTimeTZRange


def refused() -> list[tuple[str, Any]]:
    number, moment = ranges()
    return [
        ("store", {"a": "x\0"}),
        ("store", {"a\0": "x"}),
        ("store", {"a": "\ud800"}),
        ("numbers", number(1, 2**40)),
        ("numbers", number(1, 2**31 - 1, "[]")),
        ("numbers", number(1.5, 2)),
        ("large", number(1, 2**70)),
        ("large", number(1, 2**63 - 1, "[]")),
        ("decimals", number(Decimal("1E+200000"), None)),
        ("decimals", number(Decimal("1E-20000"), None)),
        ("decimals", number(Decimal("NaN"), None)),
        ("moments", moment(NAIVE, None)),
    ]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_the_database_would_refuse_is_refused_before_it_is_written(pattern: str) -> None:
    with made(columns()) as cache:
        row = cache.create()
        for name, value in refused():
            with pytest.raises(ValidationError):
                cache.via(pattern).update(row.pk, **{name: value})
            with pytest.raises(ValidationError):
                cache.via(pattern).create(**{name: value})
        assert cache.drain(timeout=5) == 0
        assert cache.model.objects.count() == 1


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_passed_in_another_form_is_shown_as_the_database_has_it(pattern: str) -> None:
    number, _ = ranges()
    forms = {
        "sizes": [[1.0, True], [1, 1]],
        "texts": [[["a"]], ["['a']"]],
        "store": [{1: "a"}, {"1": "a"}],
        "numbers": [number(1, 2**31 - 2, "[]"), number(1, 2**31 - 1)],
    }
    with made(columns()) as cache:
        row = cache.create()
        for name, (given, shown) in forms.items():
            assert repr(getattr(cache.via(pattern).update(row.pk, **{name: given}), name)) == repr(shown)
            assert repr(getattr(cache.get(row.pk), name)) == repr(shown)
            cache.drain(timeout=5)
            assert cache.table.queue.depth() == 0
            assert repr(getattr(cache.model.objects.get(), name)) == repr(shown)


def test_a_row_with_nan_can_be_read() -> None:
    with made(columns()) as cache:
        row = cache.create()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notes_made SET price = 'NaN', decimals = '[NaN,)'")
        cache.evict([row.pk])
        for found in (cache.get(row.pk), cache.get(row.pk), cache.get_many([row.pk])[row.pk]):
            assert found.price.is_nan()
            assert found.decimals.lower.is_nan()
        found.texts = ["saved"]
        found.save()
        assert cache.get(row.pk).texts == ["saved"]
        assert cache.get(row.pk).price.is_nan()
