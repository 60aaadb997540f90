"""The charts of the overview: what they mark."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from cachedemo.admin.chart_drawing import Axis, Moment
from cachedemo.operations import history
from cachedemo.protocol import stats
from cachedemo.protocol.stats_kept import BY_HOURS
from tests.operators import operator, text, url


@pytest.fixture(autouse=True)
def from_zero() -> None:
    """What other tests have counted in this process is none of these tests' business."""
    stats._forget()


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
    assert "on-flushdb-90" in text(client.get(url("changelist") + "?range=1d"))


def test_markers_are_numbered_in_their_order_and_those_too_near_to_tell_apart_share_a_label() -> None:
    at = [datetime.fromtimestamp(60 * minute, UTC) for minute in (40, 41, 59)]
    axis = Axis(3600, 60, 1, [Moment(each, "x") for each in at])
    assert [marker.number for marker in axis.markers] == [1, 2, 3]
    assert [mark.numbers for mark in axis.numbered] == ["1–2", "3"]


def test_a_week_is_drawn_from_the_hours_and_a_time_in_it_has_its_day(
    client: Client, users: Any, redis_queue: redis.Redis
) -> None:
    now = int(time.time()) // 3600
    redis_queue.hset(BY_HOURS.key((now - 30) // 24), mapping={f"{(now - 30) % 24}:hits": 7200})
    ratio, reads, *_ = client.get(url("changelist") + "?range=7d").context["charts"]
    assert len(reads.lines[0].values) == 7 * 24 - 1
    assert [value for value in reads.lines[0].values if value] == [2.0]
    assert [value for value in ratio.lines[0].values if value is not None] == [100.0]
    assert re.fullmatch("[A-Z][a-z]{2} [0-9]{2}:00", ratio.axis.labels[0])


@pytest.mark.parametrize(("chosen", "words"), [("15m", "15 minutes"), ("1d", "day"), ("7d", "7 days"), ("x", "hour")])
def test_each_range_can_be_chosen(client: Client, users: Any, chosen: str, words: str) -> None:
    page = client.get(url("changelist") + f"?range={chosen}")
    assert f"The last {words} " in text(page)


@pytest.mark.parametrize("chosen", ["15m", "1h", "1d", "7d"])
def test_the_hit_ratio_is_told_by_model_in_every_range(client: Client, users: Any, chosen: str) -> None:
    users.read(1)
    users.read(1)
    users.read_many([1, 2])
    stats.send()
    found = {each.label: each for each in client.get(url("changelist") + f"?range={chosen}").context["models"]}
    assert (found["users.User"].reads, found["users.User"].database, found["users.User"].ratio) == (4, 2, 50.0)
    assert found["notes.Note"].ratio is None


def test_the_charts_mark_when_a_version_was_announced(client: Client, users: Any) -> None:
    users.announce()
    assert "v2:user: was announced" in text(client.get(url("changelist")))
