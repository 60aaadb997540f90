"""The charts: what they mark, and where they have a gap."""

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


def test_a_chart_has_a_gap_where_nothing_is_known() -> None:
    from cachedemo.admin.chart_drawing import path, round_up, thin

    assert path([0, 50, None, 100], 100) == "M0 100.0h0L1 50.0M3 0.0h0"
    assert [round_up(value) for value in (0, 0.3, 1, 3, 17, 99, 1002)] == [1, 0.5, 1, 5, 20, 100, 2000]
    assert thin([1, None, 3, None, None, None], 3, max) == [3, None]
