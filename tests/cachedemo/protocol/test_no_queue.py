"""A model without write-behind: it needs no queue, and takes all other steps."""

import pytest

from cachedemo import cache_for
from cachedemo.protocol.database_write import DatabaseWrite
from cachedemo.testing import broken_queue
from tests.helpers import past_cachedemo
from tests.notes.models import Tag


@broken_queue()
def test_a_model_without_write_behind_needs_no_queue(transactional_db, redis_cache):
    tags = cache_for(Tag)
    tag = tags.create(name="a0")
    assert tags.read(tag.pk).origin == "source"
    assert tags.read(tag.pk).origin == "cache"
    for pattern in ("cache-aside", "write-through"):
        assert tags.via(pattern).update(tag.pk, name=f"by {pattern}").name == f"by {pattern}"
        assert tags.get(tag.pk).name == f"by {pattern}"
    written = tags.via("write-behind").write(tag.pk, {"name": "behind"})
    assert (written.pattern, written.reason) == ("write-through", "no queue")
    stamp = Tag.objects.get(pk=tag.pk).cache_stamp
    past_cachedemo(Tag).filter(pk=tag.pk).update(cache_stamp=stamp + 10**12)  # by a machine with a clock ahead
    assert tags.update(tag.pk, name="later").cache_stamp == stamp + 10**12 + 1
    assert tags.get(tag.pk).name == "later"
    past_cachedemo(Tag).filter(pk=tag.pk).update(name="bulk")
    tags.evict([tag.pk])
    assert tags.get(tag.pk).name == "bulk"
    tags.delete(tag.pk)
    with pytest.raises(Tag.DoesNotExist):
        tags.get(tag.pk)
    assert tags.drain(timeout=1) == 0


@broken_queue()
def test_what_a_writer_leaves_that_dies_after_its_commit_lasts_no_longer_than_its_mark(
    transactional_db, redis_cache, monkeypatch
):
    def dies(*_):
        raise KeyboardInterrupt

    tags = cache_for(Tag)
    tag = tags.create(name="a0")
    tags.read(tag.pk)
    monkeypatch.setattr(DatabaseWrite, "empty_slot", dies)
    with pytest.raises(KeyboardInterrupt):
        tags.via("cache-aside").update(tag.pk, name="a1")
    assert 0 < redis_cache.pttl(f"v1:tag:{tag.pk}") <= 1000 * tags.lease_timeout < 1000 * tags.timeout
