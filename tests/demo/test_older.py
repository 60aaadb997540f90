"""A folder that an older demo has left: it is begun anew, or there is a sentence with the fix."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db.migrations.exceptions import InconsistentMigrationHistory

from cachedemo.exceptions import VersionConflict
from demo import older
from demo.errors import DemoFailed

VERSIONS = "{flush:users}:versions"
VAR = Path("/somewhere/var")


@pytest.fixture
def left_by_another_release(users: Any, redis_queue: redis.Redis) -> None:
    users.table.told(None)
    record = {"state": "live", "since": 1, "fields": ["name", "shoe_size"], "increments": True}
    redis_queue.hset(VERSIONS, users.table.slots.version, json.dumps(record))


def test_the_version_of_another_release_is_forgotten_where_both_servers_are_the_demos(
    people: Any, users: Any, left_by_another_release: None
) -> None:
    with pytest.raises(VersionConflict):
        users.announce()
    said: list[str] = []
    older.begin_anew(said.append, VAR, both_ours=True)
    assert said == [f"{VAR} is that of another release: its cache begins anew, and what waits in its queue is flushed."]
    users.announce()
    assert users.get(1).name == "Alice Singh"


def test_on_a_server_of_somebody_elses_it_is_left_alone_and_the_fix_is_named(
    users: Any, left_by_another_release: None, redis_queue: redis.Redis
) -> None:
    before = redis_queue.hgetall(VERSIONS)
    with pytest.raises(DemoFailed, match=r"is live with the fields .* cache_delete_version does that"):
        older.begin_anew(print, VAR, both_ours=False)
    assert redis_queue.hgetall(VERSIONS) == before


def test_nothing_is_said_of_a_folder_of_this_release(users: Any, redis_queue: redis.Redis) -> None:
    users.announce()
    before = redis_queue.hgetall(VERSIONS)
    said: list[str] = []
    older.begin_anew(said.append, VAR, both_ours=True)
    assert (said, redis_queue.hgetall(VERSIONS)) == ([], before)


def test_a_database_that_cannot_be_migrated_is_a_sentence_with_a_way_out() -> None:
    with (
        pytest.raises(DemoFailed, match="rename the folder, or name another one with CACHEDEMO_VAR"),
        older.migrated(VAR),
    ):
        raise InconsistentMigrationHistory("users.0002 is applied before its dependency")
