"""A rolling deploy with a changed list of fields, under load: two releases side by side, then the old is deleted."""

from pathlib import Path

import pytest
import redis

from tests.faults.nursery import Nursery
from tests.faults.run import Load

OLD, NEW = "v1:note:*", "v2:note:*"


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("transactional_db")
def test_two_releases_run_side_by_side_and_nothing_is_lost_or_stale(
    nursery: Nursery, tmp_path: Path, redis_cache: redis.Redis, redis_queue: redis.Redis
) -> None:
    load = Load(nursery, tmp_path)
    load.begin()
    load.go_on(200)
    old = dict(load.clients)

    load.next_release = True
    load.add_flusher()
    for _ in old:
        load.add_client()
    load.go_on(400)
    assert redis_queue.hkeys("{flush:notes}:versions") == [b"1", b"2"]
    assert list(redis_cache.scan_iter(OLD))
    assert list(redis_cache.scan_iter(NEW))

    for name in old:
        load.clients.pop(name).kill()
    load.flushers.pop(0).kill()
    load.go_on(200)
    load.delete_version(1)
    load.go_on(200)
    report = load.end()
    assert not report.violations, str(report)
    assert report.dead_letters == 0
    assert redis_queue.hkeys("{flush:notes}:versions") == [b"2"]
    assert not list(redis_cache.scan_iter(OLD)), "nobody fills a slot of what was deleted"
