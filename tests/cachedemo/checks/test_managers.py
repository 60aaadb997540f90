"""A manager whose querysets bypass the cache is told, once, with the class that does not."""

from typing import Any

import pytest
from django.contrib.auth.models import UserManager
from django.db import models

from cachedemo import checks
from cachedemo.managers import CachedManager, CachedQuerySet
from tests.cachedemo.made_models import a_class, made

pytestmark = pytest.mark.django_db(transaction=True)


class Rows(models.Manager[Any]):
    pass


class Both(CachedManager, UserManager):  # type: ignore[misc, type-arg]
    """What the hint says."""


FromQuerySet = Rows.from_queryset(CachedQuerySet)


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


@pytest.mark.parametrize("manager", [None, CachedManager, Both, FromQuerySet])
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
