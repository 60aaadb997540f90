"""The charts of the overview: what they mark."""

from datetime import timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from cachedemo.operations import history
from tests.operators import operator, text, url


def test_the_charts_mark_a_flushdb_and_a_deleted_version(client: Client) -> None:
    user = operator("view_cache", name="otto")
    for minutes, code in ((10, "flushdb"), (20, "delete-version"), (30, "pause"), (90, "flushdb")):
        entry = history.record(user.pk, code, f"on-{code}-{minutes}", history.DONE, 1, {}, "")
        LogEntry.objects.filter(pk=entry.pk).update(action_time=timezone.now() - timedelta(minutes=minutes))
    page = client.get(url("changelist"))
    assert page.content.decode().count('class="cd-marker"') == 2 * 6
    assert "FLUSHDB, on-flushdb-10, otto" in text(page)
    assert "on-pause-30" not in text(page)
    assert "on-flushdb-90" not in text(page)
    assert "on-flushdb-90" in text(client.get(url("changelist") + "?range=day"))


def test_the_charts_mark_when_a_version_was_announced(client: Client, users: Any) -> None:
    users.announce()
    assert "v2:user: was announced" in text(client.get(url("changelist")))
