"""The overview's tiles of copies: how much is read from them, what they take, and whether processes hear of changes."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from cachedemo.admin import faults, near_tiles, snapshot
from cachedemo.admin.page import Tile
from cachedemo.admin.ranges import AT_FIRST, RANGES
from cachedemo.protocol import near_processes, stats
from cachedemo.servers.key_prefix import ours
from tests import near_notes
from tests.helpers import counted_from_zero, until
from tests.near_notes import copied
from tests.operators import url


@pytest.fixture
def near(notes: Any, redis_queue: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    counted_from_zero(redis_queue)
    monkeypatch.setattr(stats.test_runs, "is_under_way", lambda *using: False)
    with near_notes.registered() as near:
        copied(near, 1, 2)
        yield near


def seen() -> snapshot.Snapshot:
    stats.send()
    return snapshot.look(RANGES[AT_FIRST])


def said(redis_queue: redis.Redis, name: str, problem: str, since: float) -> None:
    """Let another process have said this of itself."""
    member = json.dumps(near_processes.Process(name, 5, 1000, problem, time.time() - since))
    redis_queue.zadd(ours(near_processes.KEY), {member: time.time()})


def test_without_near_there_are_none(notes: Any, admin_client: Any) -> None:
    assert near_tiles.tiles(snapshot.look(RANGES[AT_FIRST])) == []
    assert near_tiles.LABELS[1] not in admin_client.get(url("changelist")).content.decode()


def test_what_is_read_from_copies_and_how_late_changes_are_heard(near: Any, admin_client: Any) -> None:
    def told() -> list[Tile]:
        for _ in range(50):
            near.get(1)
        read, heard = found = near_tiles.tiles(seen())
        is_read_from_copies = read.value != "–" and int(read.value.removesuffix(" %")) > 50
        return found if is_read_from_copies and "2 rows" in read.detail and "(p99)" in heard.detail else []

    read, heard = until(told)
    assert "reads; 2 rows, " in read.detail
    assert "in 1 process" in read.detail
    assert (heard.value, heard.tone) == ("1 of 1", "good")
    assert "listening for" in heard.detail
    page = admin_client.get(url("changelist")).content.decode()
    assert all(label in page for label in near_tiles.LABELS)


def test_who_hears_nothing_is_said_with_the_reason_and_since_when(near: Any, redis_queue: redis.Redis) -> None:
    until(lambda: seen().near)
    said(redis_queue, "web-2:7", "The cache server at c:1 refuses CLIENT TRACKING.", 120)
    found = seen()
    read, heard = near_tiles.tiles(found)
    assert "7 rows" in read.detail
    assert "in 2 processes" in read.detail
    assert (heard.value, heard.tone) == ("1 of 2", "warn")
    assert "have not been listening for 2 min" in heard.detail
    [fault] = [each for each in faults.faults(found) if "refuses CLIENT TRACKING" in each.words]
    assert "1 process without news of changes for 2 min" in fault.words


def test_a_process_that_is_gone_counts_no_more(near: Any, redis_queue: redis.Redis) -> None:
    until(lambda: seen().near)
    member = json.dumps(near_processes.Process("web-2:7", 5, 1000, "", time.time()))
    redis_queue.zadd(ours(near_processes.KEY), {member: time.time() - near_processes.GONE_AFTER - 1})
    assert len(seen().near) == 1
