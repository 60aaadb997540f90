"""A manager whose querysets bypass the cache is told, once, with the class that does not."""

import pickle
from types import MethodType
from typing import Any

import pytest
from django.contrib.auth.models import UserManager
from django.db import models

from cachedemo import checks
from cachedemo.managers import CachedManager, CachedQuerySet
from tests.cachedemo.made_models import a_class, made
from tests.helpers import past_cachedemo
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


class Rows(models.Manager[Any]):
    pass


class Both(CachedManager, UserManager):  # type: ignore[misc, type-arg]
    """What the hint says."""


FromQuerySet = Rows.from_queryset(CachedQuerySet)


class SoftQuerySet(models.QuerySet[Any]):
    """As an app of somebody else has it: what is deleted is hidden."""

    def delete(self) -> Any:
        return self.update(title="deleted"), {}

    def update(self, **values: Any) -> int:
        return super().update(**{"changed": True, **values})

    def live(self) -> Any:
        return self.exclude(title="deleted")


class SoftManager(models.Manager.from_queryset(SoftQuerySet)):  # type: ignore[misc]
    pass


class BothSoft(CachedManager, SoftManager):  # type: ignore[misc]
    """What the hint says."""


class BySuper(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(title="deleted")


class OwnRows(models.Manager[Any]):
    """As many wrote it before Django had `from_queryset()`."""

    def get_queryset(self) -> Any:
        return SoftQuerySet(self.model, using=self._db)


class BothOwnRows(CachedManager, OwnRows):  # type: ignore[misc]
    """What the hint says."""


class InFront(CachedManager):
    """No manager that it inherits from makes such querysets take the steps."""

    def get_queryset(self) -> Any:
        return SoftQuerySet(self.model, using=self._db)


class Unready(CachedManager):
    def get_queryset(self) -> Any:
        raise LookupError("no tenant is chosen yet")


def local() -> Any:
    class Local(models.Manager[Any]):
        """Nobody can inherit from it: django-money makes such a class for each model."""

    return Local()


def said(objects: Any = None, meta: dict[str, Any] | None = None) -> list[str]:
    columns = {"title": models.CharField(max_length=9, default="t")} | ({"objects": objects} if objects else {})
    with made(columns, meta=meta) as cache:
        a_class("Proxy", {}, cache.model, proxy=True)
        a_class("Child", {"more": models.IntegerField(default=1)}, cache.model)
        return [f"{message.id} {message.msg.partition(':')[0]}" for message in checks.check_managers()]


def test_a_manager_that_bypasses_the_cache_is_told_once() -> None:
    assert said(Rows()) == ["cachedemo.W033 notes.Made.objects is a Rows"]
    assert said(UserManager()) == ["cachedemo.W033 notes.Made.objects is a UserManager"]
    assert said(Rows(), {"base_manager_name": "objects"}) == ["cachedemo.W033 notes.Made.objects is a Rows"]


def test_a_manager_that_makes_querysets_of_another_class_is_told_whatever_it_inherits() -> None:
    assert said(OwnRows()) == ["cachedemo.W033 notes.Made.objects is a OwnRows"]
    assert said(InFront()) == ["cachedemo.W033 notes.Made.objects is a InFront"]


@pytest.mark.parametrize(
    ("manager", "fix"),
    [
        (SoftManager(), "class MadeManager(CachedManager, SoftManager)"),
        (local(), "objects = CachedManager()"),
        (models.Manager(), "objects = CachedManager()"),
        (OwnRows(), "class MadeManager(CachedManager, OwnRows)"),
        (InFront(), "makes a SoftQuerySet: let that class inherit CachedQuerySet"),
    ],
)
def test_the_hint_says_what_one_can_write(manager: Any, fix: str) -> None:
    with made({"title": models.CharField(max_length=9, default="t"), "objects": manager}):
        [message] = checks.check_managers()
    assert message.hint is not None
    assert fix in message.hint


@pytest.mark.parametrize("manager", [None, CachedManager, Both, FromQuerySet, BothSoft, BothOwnRows, Unready])
def test_a_manager_that_takes_the_steps_is_not(manager: Any) -> None:
    assert said(manager and manager()) == []


def test_what_the_check_warns_of_is_what_happens() -> None:
    """The control: a manager of that kind leaves the old row in the cache, and the hint's does not."""
    for manager, seen in ((UserManager(), "old"), (Both(), "new")):
        with made({"title": models.CharField(max_length=9), "objects": manager}) as cache:
            pk = cache.create(title="old").pk
            cache.warm([pk])
            cache.model.objects.update(title="new")
            assert cache.get(pk).title == seen


BOTH = pytest.mark.parametrize("manager", [BothSoft, BothOwnRows])


@BOTH
def test_what_the_querysets_of_another_app_do_is_done_by_those_of_the_hint_too(manager: Any) -> None:
    columns = {
        "title": models.CharField(max_length=9),
        "changed": models.BooleanField(default=False),
        "objects": manager(),
    }
    with made(columns) as cache:
        rows, pk = cache.model.objects, cache.create(title="old").pk
        cache.warm([pk])
        rows.filter(title="old").update(title="new")
        assert (cache.get(pk).title, cache.get(pk).changed) == ("new", True)
        rows.filter(pk=pk).delete()
        assert cache.get(pk).title == "deleted"
        assert list(rows.all().live()) == list(rows.filter(changed=False)) == []


def test_such_a_queryset_can_be_pickled() -> None:
    with made({"title": models.CharField(max_length=9), "objects": BothSoft()}) as cache:
        rows = cache.model.objects.all()
        assert pickle.loads(pickle.dumps(type(rows))) is type(rows)


@BOTH
def test_such_querysets_are_pickled_with_what_they_found(manager: Any) -> None:
    past_cachedemo(User).bulk_create([User(pk=1, name="Al", email="al@example.com")])
    rows = manager()
    rows.model = User
    again = pickle.loads(pickle.dumps(rows.filter(pk=1)))
    assert [each.name for each in again] == ["Al"]
    assert type(again) is type(rows.all())
    assert isinstance(again.live, MethodType)
