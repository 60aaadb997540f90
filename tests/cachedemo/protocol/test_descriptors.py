"""Fields with descriptors: one object for what two columns hold, or a first value that nothing but a method changes."""

import decimal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models

from cachedemo.admin.newest import show, show_newest
from tests.cachedemo.made_models import made

pytestmark = pytest.mark.django_db(transaction=True)

PATTERNS = pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])


class Money:
    def __init__(self, amount: Any, currency: str) -> None:
        self.amount, self.currency = decimal.Decimal(amount), currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    __hash__ = None  # type: ignore[assignment]


class MoneyDescriptor:
    """Shows both columns as one object, and sets both of them."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        amount = instance.__dict__[self.name]
        if amount is None or isinstance(amount, Money):
            return amount
        instance.__dict__[self.name] = Money(amount, instance.__dict__[f"{self.name}_currency"])
        return instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, Money):
            setattr(instance, f"{self.name}_currency", value.currency)
        instance.__dict__[self.name] = value


class MoneyField(models.DecimalField):
    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, MoneyDescriptor(name))

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.amount if isinstance(value, Money) else value)

    def clean(self, value: Any, model_instance: Any) -> Any:
        return super().clean(self.to_python(value), model_instance)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(value.amount if isinstance(value, Money) else value, connection)


@pytest.fixture
def prices() -> Iterator[Any]:
    columns = {
        "title": models.CharField(max_length=9, default="t"),
        "price_currency": models.CharField(max_length=3, default="EUR"),
        "price": MoneyField(max_digits=9, decimal_places=2, default=0),
    }
    with made(columns) as cache:
        yield cache


@PATTERNS
def test_a_write_of_one_column_of_two_is_refused_and_not_made_by_half(prices: Any, pattern: str) -> None:
    pk = prices.via(pattern).create(price=Money(3, "USD")).pk
    assert prices.get(pk).price == Money(3, "USD")
    for currency in ("EUR", "USD"):
        with pytest.raises(ValidationError, match="belongs in price_currency too"):
            prices.via(pattern).update(pk, price=Money(4, currency))
        with pytest.raises(ValidationError, match="belongs in price_currency too"):
            prices.via(pattern).update_many({pk: {"price": Money(4, currency)}})
    prices.via(pattern).update(pk, price=Money(4, "EUR"), price_currency="EUR")
    prices.via(pattern).update(pk, price=decimal.Decimal("5"))
    prices.drain(timeout=5)
    assert prices.get(pk).price == prices.model.objects.get().price == Money(5, "EUR")


@PATTERNS
@pytest.mark.parametrize("looks", [True, False])
def test_a_whole_save_leaves_what_such_a_field_shows_and_the_instance_has_not_changed(
    prices: Any, pattern: str, looks: bool
) -> None:
    pk = prices.create(price=Money(3, "USD")).pk
    for instance in (prices.get(pk), prices.model.objects.get()):
        if looks:
            assert instance.price.currency == "USD"
        prices.via(pattern).update(pk, price=Money(4, "USD"), price_currency="USD")
        instance.title = "saved"
        instance.save()
        prices.drain(timeout=5)
        assert (prices.get(pk).price, prices.get(pk).title) == (Money(4, "USD"), "saved")
        prices.update(pk, price=Money(3, "USD"), price_currency="USD", title="t")
    instance = prices.get(pk)
    instance.price = Money(7, "CHF")
    instance.save()
    assert prices.get(pk).price == Money(7, "CHF")


def test_what_waits_has_the_places_of_the_column(prices: Any) -> None:
    pk = prices.create(price=Money(3, "USD")).pk
    prices.via("write-behind").update(pk, price=decimal.Decimal(4))
    before = prices.read(pk).body
    prices.drain(timeout=5)
    prices.evict([pk])
    assert prices.read(pk).body == before


class OnceDescriptor:
    """As of a state that is changed by methods of the model only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        if self.name in instance.__dict__:
            raise AttributeError("Direct modification is not allowed.")
        instance.__dict__[self.name] = value


class StateField(models.CharField):
    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, OnceDescriptor(name))


@pytest.fixture
def states() -> Iterator[Any]:
    columns = {"title": models.CharField(max_length=9), "state": StateField(max_length=9, default="new")}
    with made(columns) as cache:
        yield cache


def test_a_save_shows_what_it_carries_where_an_instance_takes_a_first_value_only(states: Any) -> None:
    pk = states.create(title="t").pk
    instance = states.get(pk)
    states.via("write-behind").update(pk, state="done")
    instance.title = "saved"
    instance.save()
    assert (instance.state, states.get(pk).state) == ("done", "done")
    with pytest.raises(AttributeError):
        instance.state = "new"


def test_the_admin_shows_what_waits_where_an_instance_takes_a_first_value_only(states: Any) -> None:
    pk = states.create(title="t").pk
    states.via("write-behind").update(pk, state="done")
    rows = states.model.objects.all()
    show_newest(rows)
    found = states.model.objects.get()
    show(found, states.get(pk), states.table.codec.fields)
    assert [row.state for row in rows] == [found.state] == ["done"]


class Letters:
    """Shows a text as the list of its letters."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = list(value)


class LettersField(models.CharField):
    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, Letters(name))

    def get_prep_value(self, value: Any) -> Any:
        return "".join(value)

    def clean(self, value: Any, model_instance: Any) -> Any:
        return "".join(value)


def test_what_a_save_carries_is_shown_where_the_attribute_keeps_another_type_than_the_column_has() -> None:
    with made({"letters": LettersField(max_length=9), "title": models.CharField(max_length=9, default="t")}) as cache:
        row = cache.get(cache.create(letters="ab").pk)
        cache.via("write-behind").update(row.pk, letters="cd")
        row.title = "new"
        row.save()
        assert row.letters == cache.get(row.pk).letters == cache.model.objects.get().letters == ["c", "d"]
