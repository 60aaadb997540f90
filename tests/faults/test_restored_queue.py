"""A queue restored from a copy older than a version's announcement: noticed, and harmless with an empty cache."""

import shutil

import pytest

from cachedemo import ModelCache, Pattern
from cachedemo.servers import roles
from tests.notes.models import Note
from tests.servers import asked_again

VERSIONS = "{flush:notes}:versions"
SAID = "the queue was restored from an older copy"


class Older(ModelCache):
    fields = ["title"]


class Newer(ModelCache):
    fields = ["title", "body"]
    version = 2


@pytest.fixture
def older(transactional_db):
    Note.objects.bulk_create([Note(pk=pk, title="a0", body="b0") for pk in (1, 2)])
    older = Older(Note)
    older.announce()
    return older


@pytest.fixture
def copy(older, queue_server, tmp_path):
    """The append-only folder as it was when there was only the older release."""
    queue_server.stop()
    shutil.copytree(folder(queue_server), tmp_path / "copy")
    come_back(queue_server)
    return tmp_path / "copy"


def folder(queue_server):
    return queue_server.directory / "appendonlydir"


def come_back(queue_server):
    queue_server.start()
    roles.reset()
    asked_again(roles.QUEUE)


@pytest.fixture
def newer(copy):
    """A release that announced itself after the copy was made, and has row 1 cached."""
    newer = Newer(Note)
    newer.announce()
    newer.get(1)
    return newer


@pytest.fixture
def restore(copy, newer, queue_server, redis_queue):
    def restore(meanwhile=lambda: None):
        queue_server.stop()
        shutil.rmtree(folder(queue_server))
        shutil.copytree(copy, folder(queue_server))
        meanwhile()
        come_back(queue_server)
        assert redis_queue.hkeys(VERSIONS) == [b"1"]

    return restore


@pytest.mark.parametrize("pattern", Pattern)
def test_with_the_cache_emptied_before_the_queue_is_back_nothing_old_is_read(
    older, newer, restore, redis_cache, pattern
):
    restore(redis_cache.flushdb)
    older.via(pattern).update(1, title="a1")
    assert newer.get(1).title == "a1"
    newer.get(1)
    assert redis_cache.exists("v2:note:1"), "announced again, and cached again"
    older.via(pattern).update(1, title="a2")
    assert newer.get(1).title == "a2"


def test_without_that_a_hit_may_be_old_until_it_is_noticed(older, newer, restore):
    """Why the page says to empty the cache: a hit asks no queue."""
    restore()
    older.update(1, title="a1")
    assert newer.get(1).title == "a0"


def miss(newer):
    newer.get(2)


def write(pattern):
    return lambda newer: newer.via(pattern).update(1, title="a1")


@pytest.mark.parametrize(
    "contact",
    [miss, *(write(pattern) for pattern in Pattern), lambda newer: newer.flush()],
    ids=["read", *Pattern, "flush"],
)
def test_whoever_asks_the_queue_next_notices_and_announces_the_version_again(
    older, newer, restore, contact, redis_queue, redis_cache, caplog
):
    restore()
    contact(newer)
    assert caplog.text.count(SAID) == 1
    newer.get(1)
    assert redis_queue.hkeys(VERSIONS) == [b"1", b"2"]
    newer.get(1)
    older.update(1, title="a2")
    assert newer.get(1).title == "a2"
    assert caplog.text.count(SAID) == 1, "said once"


def test_a_queued_write_is_not_shown_in_a_slot_that_others_do_not_see_to(newer, restore, redis_cache):
    restore()
    newer.via("write-behind").update(1, title="a1")
    assert not redis_cache.exists("v2:note:1")
