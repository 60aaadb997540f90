"""`CACHEDEMO["ENABLED"] = False`: every call goes straight to the database, and no server is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from cachedemo import announce_all, cache_for
from cachedemo.exceptions import CacheUnavailable
from cachedemo.servers.roles import CACHE
from tests.helpers import past_cachedemo
from tests.notes.models import Note
from users.models import User

SAID_OF_SERVERS = {"cachedemo.E001", "cachedemo.W027", "cachedemo.W028", "cachedemo.W030"}
PATTERNS = pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])


@pytest.fixture
def notes(people: Any, settings: Any, cache_server: Any, queue_server: Any) -> Iterator[Any]:
    """Three notes, cached, and then both servers are dead."""
    past_cachedemo(Note).bulk_create([Note(pk=pk, title=f"a{pk}", owner_id=1) for pk in (1, 2, 3)])
    with connection.cursor() as cursor:  # PostgreSQL hands out keys from 1 on, whichever there are
        for statement in connection.ops.sequence_reset_sql(no_style(), [Note]):
            cursor.execute(statement)
    notes = cache_for(Note)
    notes.warm([1, 2, 3])
    settings.CACHEDEMO = {**settings.CACHEDEMO, "ENABLED": False, "CACHE_URL": None, "QUEUE_URL": None}
    cache_server.kill()
    queue_server.kill()
    yield notes
    cache_server.start()
    queue_server.start()


@PATTERNS
def test_a_write_is_in_the_database_at_once_and_read_from_there(notes: Any, pattern: Any) -> None:
    written = notes.via(pattern).update(1, title="written")
    assert written.title == Note.objects.get(pk=1).title == notes.get(1).title == "written"
    created = notes.via(pattern).create(title="created", owner_id=1)
    assert notes.get_many([created.pk, 999])[created.pk].title == "created"
    notes.via(pattern).delete(created.pk)
    with pytest.raises(Note.DoesNotExist):
        notes.get(created.pk)


def test_a_change_past_cachedemo_is_read_at_once(notes: Any) -> None:
    past_cachedemo(Note).filter(pk=1).update(title="raw")
    assert notes.get(1).title == notes.get_many([1])[1].title == "raw"


def test_a_save_asks_for_no_hints(notes: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        user = User.objects.create(name="Ann", email="ann@example.com")
    user.email = "anna@example.com"
    with django_assert_num_queries(1):
        user.save()
    assert cache_for(User).get_by(email="anna@example.com") == user


@PATTERNS
def test_a_write_passes_a_stamp_that_is_ahead_of_the_clock(notes: Any, pattern: Any) -> None:
    ahead = 3_000_000_000_000_000
    past_cachedemo(Note).filter(pk=1).update(cache_stamp=ahead)
    notes.via(pattern).update(1, title="written")
    assert Note.objects.get(pk=1).cache_stamp == ahead + 1


def test_saves_bulk_methods_and_deletions_need_no_server(notes: Any) -> None:
    note = Note.objects.get(pk=1)
    note.title = "saved"
    with transaction.atomic():
        note.save()
    Note.objects.filter(pk=2).update(title="bulk")
    Note.objects.bulk_create([Note(pk=4, title="new", owner_id=1)])
    Note.objects.get(pk=3).delete()
    notes.evict([1])
    assert {pk: each.title for pk, each in notes.get_many([1, 2, 3, 4]).items()} == {1: "saved", 2: "bulk", 4: "new"}
    assert notes.drain() == 0


def test_a_save_puts_nothing_back_all_the_same(notes: Any) -> None:
    note = notes.get(1)
    notes.update(1, title="newer")
    note.body = "saved"
    note.save()
    assert (notes.get(1).title, notes.get(1).body) == ("newer", "saved")


def test_no_command_is_sent(notes: Any) -> None:
    with pytest.raises(CacheUnavailable, match="ENABLED"):
        CACHE.command("PING")


@pytest.fixture
def nothing_else(settings: Any) -> None:
    """The one key that it takes to switch off."""
    settings.CACHEDEMO = {"ENABLED": False}


@pytest.mark.django_db
def test_no_server_need_be_named(nothing_else: None, caplog: pytest.LogCaptureFixture) -> None:
    said = [message.id for message in run_checks(databases=["default"]) if message.id in SAID_OF_SERVERS]
    assert said == []
    announce_all()
    assert caplog.messages == []


@pytest.mark.parametrize("page", ["changelist", "versions", "keys", "queue", "server", "danger", "history"])
def test_each_page_opens_without_a_server(nothing_else: None, admin_client: Client, page: str) -> None:
    assert admin_client.get(reverse(f"admin:cachedemo_cache_{page}")).status_code == 200


def test_it_is_said(notes: Any, client: Client, admin_client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("cache_ping")
    assert "switched off" in capsys.readouterr().out
    ready = client.get(reverse("readyz"))
    assert (ready.status_code, ready.json()["enabled"]) == (200, False)
    assert "Switched off" in admin_client.get(reverse("admin:cachedemo_cache_changelist")).content.decode()
