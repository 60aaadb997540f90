"""Rows that the registration's manager hides, in an admin that shows them: there they are restored."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db import models
from django.test import RequestFactory

from cachedemo.admin.key import _compared
from cachedemo.admin.model_admin import CachedModelAdmin
from cachedemo.managers import CachedManager
from cachedemo.operations import row_state
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo


class LiveManager(CachedManager):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted=False)


@pytest.fixture
def books(transactional_db: None) -> Iterator[Any]:
    columns = {
        "title": models.CharField(max_length=20, default="t"),
        "deleted": models.BooleanField(default=False),
        "everything": CachedManager(),  # the default one
        "objects": LiveManager(),
    }
    with made(columns, manager="objects") as cache:
        cache.create(pk=1, title="old")
        cache.via("write-behind").update(1, title="waits")
        past_cachedemo(cache.model).update(deleted=True)
        cache.evict([1])
        yield cache


@pytest.fixture
def page(books: Any) -> Any:
    admin = CachedModelAdmin(books.model, AdminSite())
    admin.list_display = ("title", "deleted")
    admin.fields = ("title", "deleted")
    return admin


def request(client: Any, method: str, **data: str) -> Any:
    asked = getattr(RequestFactory(), method)("/", data)
    asked.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    asked.session, asked._dont_enforce_csrf_checks = client.session, True
    asked._messages = FallbackStorage(asked)
    return asked


def test_a_hidden_row_is_opened_and_shown_again_in_the_admin(
    books: Any, page: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = page.changeform_view(request(client, "get"), "1").context_data["adminform"].form
    assert form.initial == {"title": "waits", "deleted": True}
    monkeypatch.setattr(page, "log_change", lambda *args: None)
    monkeypatch.setattr(page, "response_change", lambda *args: None)
    shown = {"initial-title": "waits", "initial-deleted": "True"}
    page.changeform_view(request(client, "post", title="waits", **shown), "1")
    assert (books.get(1).deleted, books.get(1).title) == (False, "waits")


def test_a_list_shows_what_waits_for_hidden_rows_too(books: Any, page: Any, client: Any) -> None:
    listed = page.changelist_view(request(client, "get")).context_data["cl"].result_list
    assert [(row.title, row.deleted) for row in listed] == [("waits", True)]


def test_the_page_of_a_key_says_that_the_row_is_hidden(books: Any) -> None:
    assert _compared(books, row_state.look_at(books, [1]).rows[1])["hidden"] is True
    books.model.everything.update(deleted=False)
    assert _compared(books, row_state.look_at(books, [1]).rows[1])["hidden"] is False
